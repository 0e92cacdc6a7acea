"""The avatar folder on disk: layers, maps and measures of one portrait, checked when read.

A folder holds ``avatar.json``, ``maps.safetensors`` and one PNG per layer, all layers on the
canvas of the same square picture. Lengths in ``avatar.json`` are canonical units
(see :mod:`motion.keypoints`), but for ``picture``, ``unit`` and ``pivot``, which are pixels of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from motion.keypoints import Keypoint
from motion.layout import KEYPOINTS, FloatArray
from renderer.contract import ImageArray

FORMAT_VERSION: Final = 1

LAYERS: Final = (
    "plate", "face", "lower_lip", "hair", "eye_ball", "iris", "glint", "lid", "rim",
    "lashes_up", "lashes_down", "upper_teeth", "lower_teeth", "tongue",
)  # fmt: skip
"""Names of the layers. ``plate`` is opaque and lies behind the head; the others have alpha."""

MAPS: Final = (
    "face.depth", "hair.depth", "hair.head", "plate.depth", "plate.head", "plate.body",
)  # fmt: skip
"""Names of the maps, sampled from corner to corner of the picture.

``depth`` is z in canonical units, ``head`` the share of the head's motion that a place follows,
``body`` the share of the head's translation that it follows otherwise.
"""


class PortraitError(ValueError):
    """An avatar folder cannot be used; the text says which file is at fault and why."""


@dataclass(frozen=True, slots=True)
class Eye:
    """Heights of one eye's upper lid over columns ``x [c]`` from left to right, y down."""

    x: FloatArray
    crease: FloatArray
    open: FloatArray
    closed: FloatArray


@dataclass(frozen=True, slots=True)
class Portrait:
    """One portrait as it lies on disk, independent of the size it is rendered at."""

    name: str
    title: str
    picture: int
    """Width and height of the layers in pixels."""
    unit: float
    """Pixels of the picture in one canonical unit."""
    pivot: tuple[float, float]
    """Where in the picture the canonical origin lies."""
    canonical: FloatArray
    """Keypoints x_c [21, 3]."""
    seam: FloatArray
    """Line [k, 2] on which the closed lips meet, from the left to the right corner."""
    eyes: tuple[Eye, Eye]
    """Left and right eye of the picture."""
    layers: Mapping[str, ImageArray]
    """BGRA [picture, picture, 4] by name; alpha is not premultiplied."""
    maps: Mapping[str, FloatArray]
    """Maps [m, m] by name."""


def read_portrait(folder: Path) -> Portrait:
    """Read and check an avatar folder; raises :class:`PortraitError`."""
    description = _read_description(folder / "avatar.json")
    where = folder / "avatar.json"
    try:
        name, title = str(description["name"]), str(description["title"])
        picture, unit = int(description["picture"]), float(description["unit"])
        pivot_x, pivot_y = (float(v) for v in description["pivot"])
        keypoints = description["keypoints"]
        missing = [key.name for key in Keypoint if key.name not in keypoints]
        if missing:
            raise PortraitError(f"{where}: keypoints are missing: {', '.join(missing)}")
        canonical = _array([keypoints[key.name] for key in Keypoint], (KEYPOINTS, 3))
        seam = _array(description["seam"], (None, 2))
        left, right = (_eye(description["eyes"][side]) for side in ("left", "right"))
    except PortraitError:
        raise
    except KeyError as error:
        raise PortraitError(f"{where}: {error.args[0]!r} is missing") from error
    except (TypeError, ValueError) as error:
        raise PortraitError(f"{where}: {error}") from error
    return Portrait(
        name=name,
        title=title,
        picture=picture,
        unit=unit,
        pivot=(pivot_x, pivot_y),
        canonical=canonical,
        seam=seam,
        eyes=(left, right),
        layers={layer: _read_layer(folder / f"{layer}.png", picture) for layer in LAYERS},
        maps=_read_maps(folder / "maps.safetensors"),
    )


def _read_description(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PortraitError(f"{path} is missing; is {path.parent} an avatar folder?") from error
    except (OSError, ValueError) as error:
        raise PortraitError(f"{path} cannot be read: {error}") from error
    if not isinstance(description, dict):
        raise PortraitError(f"{path} must hold one JSON object")
    version = description.get("version")
    if version != FORMAT_VERSION:
        raise PortraitError(f"{path} has version {version}; this server reads {FORMAT_VERSION}")
    return description


def _array(values: Any, shape: tuple[int | None, ...]) -> FloatArray:
    """``values`` as float32, checked against ``shape`` (None: two or more)."""
    array = np.asarray(values, np.float32)
    fits = array.ndim == len(shape) and all(
        have >= 2 if want is None else have == want
        for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"numbers of shape {array.shape} where {shape} is needed")
    if not np.isfinite(array).all():
        raise ValueError("a number is not finite")
    array.setflags(write=False)
    return array


def _eye(values: Mapping[str, Any]) -> Eye:
    x = _array(values["x"], (None,))
    crease, opened, closed = (_array(values[k], x.shape) for k in ("crease", "open", "closed"))
    return Eye(x, crease, opened, closed)


def _read_layer(path: Path, picture: int) -> ImageArray:
    if not path.is_file():
        raise PortraitError(f"{path} is missing")
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise PortraitError(f"{path} is not a picture that can be read")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if image.shape[:2] != (picture, picture) or channels not in (3, 4) or image.dtype != np.uint8:
        raise PortraitError(
            f"{path} is {image.shape[1]}x{image.shape[0]} with {channels} channels; "
            f"{picture}x{picture} with 3 or 4 of 8 bits is needed"
        )
    layer = np.asarray(
        cv2.cvtColor(image, cv2.COLOR_BGR2BGRA) if channels == 3 else image, np.uint8
    )
    layer.setflags(write=False)
    return layer


def _read_maps(path: Path) -> dict[str, FloatArray]:
    try:
        maps: dict[str, FloatArray] = load_file(path)
    except FileNotFoundError as error:
        raise PortraitError(f"{path} is missing") from error
    except (OSError, SafetensorError) as error:
        raise PortraitError(f"{path} cannot be read: {error}") from error
    for name in MAPS:
        if name not in maps:
            raise PortraitError(f"{path}: map {name!r} is missing")
        shape = maps[name].shape
        if len(shape) != 2 or shape[0] != shape[1] or maps[name].dtype != np.float32:
            raise PortraitError(f"{path}: map {name!r} must be square float32, not {shape}")
    return maps
