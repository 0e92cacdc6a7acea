"""The avatar on disk: layers, maps and measures of one portrait, checked when read.

An avatar is a folder, or a ``.avatar`` file (a zip of the same files): ``avatar.json``,
``maps.safetensors`` and one PNG per layer, all layers on the canvas of the same square picture.
Lengths in ``avatar.json`` are canonical units (see :mod:`motion.keypoints`), but for ``picture``,
``unit`` and ``pivot``, which are pixels of it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from motion.keypoints import Keypoint
from motion.layout import KEYPOINTS, FloatArray
from renderer.contract import ImageArray, UnusableAvatarError
from renderer.parts import Parts, PartsError, open_parts

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

DESCRIPTION: Final = "avatar.json"
MAP_FILE: Final = "maps.safetensors"
SOURCE_FILE: Final = "source.jpg"
"""Only where a portrait was made from a picture."""
THUMBNAIL: Final = "thumbnail.jpg"
"""How it looks at rest: only in folders, written by the library."""
FILES: Final = (
    DESCRIPTION, MAP_FILE, *(f"{layer}.png" for layer in LAYERS), SOURCE_FILE, THUMBNAIL,
)  # fmt: skip
"""All files that an avatar may have."""

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""Names that avatars may have."""
LONGEST_TITLE: Final = 200
"""Letters."""
PICTURES: Final = range(256, 2049)
"""Widths that a portrait's picture may have."""


class PortraitError(UnusableAvatarError):
    """A portrait cannot be used; the text says which file is at fault and why."""


@dataclass(frozen=True, slots=True)
class Eye:
    """Heights of one eye's upper lid over columns ``x [c]`` from left to right, y down."""

    x: FloatArray
    crease: FloatArray
    open: FloatArray
    closed: FloatArray


@dataclass(frozen=True, slots=True)
class Source:
    """The picture that a portrait was made from, so that it can be made anew."""

    picture: bytes
    """JPEG, upright, nothing but the pixels."""
    points: FloatArray
    """Keypoints [21, 2] in pixels of it."""


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
    source: Source | None = None
    """None for drawn portraits."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a portrait without its pictures."""

    title: str
    from_picture: bool
    """Whether it was made from a picture."""


def read_portrait(place: Path | bytes) -> Portrait:
    """Read and check an avatar's folder or ``.avatar`` file, or the content of such a file.

    Raises :class:`PortraitError`.
    """
    try:
        with open_parts(place, FILES) as parts:
            return _portrait(parts)
    except PartsError as error:
        raise PortraitError(str(error)) from error


def read_summary(path: Path) -> Summary:
    """What the portrait at ``path`` says of itself; raises :class:`PortraitError`."""
    try:
        with open_parts(path, FILES) as parts:
            description = _read_description(parts)
        return Summary(checked_title(description.get("title")), "source" in description)
    except ValueError as error:
        raise PortraitError(str(error)) from error


def read_source(path: Path) -> Source | None:
    """The picture that the portrait at ``path`` was made from; raises :class:`PortraitError`."""
    try:
        with open_parts(path, FILES) as parts:
            return _read_source(parts, _read_description(parts))
    except PartsError as error:
        raise PortraitError(str(error)) from error


def checked_title(title: object) -> str:
    """``title`` if it can be shown to people; else raises ValueError."""
    if not isinstance(title, str) or not 1 <= len(title) <= LONGEST_TITLE:
        raise ValueError(f"a title is a text of 1 to {LONGEST_TITLE} letters")
    if any("\ud800" <= letter <= "\udfff" for letter in title):
        raise ValueError("the title holds letters that are not Unicode")
    return title


def encoded(portrait: Portrait) -> dict[str, bytes]:
    """The files of ``portrait`` by name, as :func:`read_portrait` reads them."""
    files = {f"{name}.png": _encoded_layer(name, portrait.layers[name]) for name in LAYERS}
    files[MAP_FILE] = save({name: np.ascontiguousarray(portrait.maps[name]) for name in MAPS})
    description = {
        "version": FORMAT_VERSION,
        "name": portrait.name,
        "title": portrait.title,
        "picture": portrait.picture,
        "unit": portrait.unit,
        "pivot": list(portrait.pivot),
        "keypoints": {key.name: _rounded(portrait.canonical[key]) for key in Keypoint},
        "seam": _rounded(portrait.seam),
        "eyes": {
            side: {name: _rounded(getattr(eye, name)) for name in ("x", "crease", "open", "closed")}
            for side, eye in zip(("left", "right"), portrait.eyes, strict=True)
        },
    }
    if portrait.source is not None:
        files[SOURCE_FILE] = portrait.source.picture
        description["source"] = {
            key.name: _rounded(portrait.source.points[key]) for key in Keypoint
        }
    files[DESCRIPTION] = (json.dumps(description, indent=1) + "\n").encode()
    return files


def _rounded(values: FloatArray) -> Any:
    return np.round(values.astype(float), 5).tolist()


def _encoded_layer(name: str, layer: ImageArray) -> bytes:
    pixels = layer[..., :3] if name == "plate" else layer
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()


def _portrait(parts: Parts) -> Portrait:
    description = _read_description(parts)
    where = parts.where(DESCRIPTION)
    try:
        name, title = str(description["name"]), checked_title(description["title"])
        if not NAME.fullmatch(name):
            raise PortraitError(
                f"{where}: {name!r} is no name for an avatar; use up to 32 of a-z, 0-9 and -"
            )
        picture, unit = int(description["picture"]), float(description["unit"])
        if picture not in PICTURES or not picture / 8 <= unit <= picture * 2:
            raise PortraitError(f"{where}: a picture of {picture} with unit {unit} is out of range")
        pivot_x, pivot_y = _array(description["pivot"], (2,)).tolist()
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
    except (TypeError, ValueError, OverflowError) as error:
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
        layers={layer: _read_layer(parts, f"{layer}.png", picture) for layer in LAYERS},
        maps=_read_maps(parts),
        source=_read_source(parts, description),
    )


def _read_description(parts: Parts) -> dict[str, Any]:
    where = parts.where(DESCRIPTION)
    content = parts.read(DESCRIPTION)
    try:
        description = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PortraitError(f"{where} cannot be read: {error}") from error
    if not isinstance(description, dict):
        raise PortraitError(f"{where} must hold one JSON object")
    version = description.get("version")
    if version != FORMAT_VERSION:
        raise PortraitError(f"{where} has version {version}; this server reads {FORMAT_VERSION}")
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


def _read_layer(parts: Parts, name: str, picture: int) -> ImageArray:
    where, content = parts.where(name), parts.read(name)
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 33:
        raise PortraitError(f"{where} is not a picture that can be read")
    # The header is checked before anything is decoded: a few bytes can claim a huge picture.
    width, height, depth, kind = struct.unpack(">IIBB", content[16:26])
    if (width, height, depth) != (picture, picture, 8) or kind not in (2, 6):
        raise PortraitError(
            f"{where} is {width}x{height} with {depth} bits, PNG colour type {kind}; "
            f"{picture}x{picture} RGB or RGBA of 8 bits is needed"
        )
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise PortraitError(f"{where} is not a picture that can be read")
    layer = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA) if kind == 2 else image, np.uint8)
    layer.setflags(write=False)
    return layer


def _read_source(parts: Parts, description: Mapping[str, Any]) -> Source | None:
    if "source" not in description:
        return None
    try:
        places = [description["source"][key.name] for key in Keypoint]
        points = _array(places, (KEYPOINTS, 2))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise PortraitError(f"{parts.where(DESCRIPTION)}: source: {error}") from error
    content = parts.read(SOURCE_FILE)
    if content[:2] != b"\xff\xd8":
        raise PortraitError(f"{parts.where(SOURCE_FILE)} is not a JPEG picture")
    return Source(content, points)


def _read_maps(parts: Parts) -> dict[str, FloatArray]:
    where = parts.where(MAP_FILE)
    content = parts.read(MAP_FILE)
    try:
        maps: dict[str, FloatArray] = load(content)
    except (ValueError, KeyError, SafetensorError) as error:  # KeyError: of an unknown type
        raise PortraitError(f"{where} cannot be read: {error}") from error
    for name in MAPS:
        if name not in maps:
            raise PortraitError(f"{where}: map {name!r} is missing")
        shape = maps[name].shape
        if len(shape) != 2 or shape[0] != shape[1] or maps[name].dtype != np.float32:
            raise PortraitError(f"{where}: map {name!r} must be square float32, not {shape}")
        if not np.isfinite(maps[name]).all():
            raise PortraitError(f"{where}: map {name!r} holds a number that is not finite")
    return maps
