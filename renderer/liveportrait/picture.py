"""Pictures that people bring: read whatever they are as upright RGB of a sensible size."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from renderer.contract import ImageArray

MAX_SIDE: Final = 1920
"""Larger pictures are scaled down to this, as MoDA does."""
MIN_SIDE: Final = 64
_BACKDROP: Final = 255
"""What shows through transparent parts."""


class PictureError(ValueError):
    """A file is no picture that an avatar can be made of; the text says why."""


def read_picture(path: Path) -> ImageArray:
    """RGB [H, W, 3] of a picture file: upright by its EXIF, without alpha, with even sides.

    Raises PictureError for a file that is missing, no picture, or too small.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror or 'cannot be read'}") from None
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if decoded is None:
        raise PictureError(f"{path}: not a picture that can be read (use JPEG, PNG or WebP)")
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    picture = np.asarray(decoded, np.uint8)
    if stored is not None and stored.ndim == 3 and stored.shape[2] == 4:
        picture = _opaque(np.asarray(stored, np.uint8)) if stored.dtype == np.uint8 else picture
    height, width = picture.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise PictureError(
            f"{path}: {width}x{height} pixels are too few; a portrait needs at least "
            f"{MIN_SIDE} on each side"
        )
    return np.ascontiguousarray(limited(picture)[..., ::-1])


def limited(picture: ImageArray, side: int = MAX_SIDE) -> ImageArray:
    """``picture`` with sides of at most ``side``, made even."""
    height, width = picture.shape[:2]
    factor = min(1.0, side / max(height, width))
    if factor < 1:
        size = (round(width * factor), round(height * factor))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = picture.shape[:2]
    return picture[: height - height % 2, : width - width % 2]


def _opaque(picture: ImageArray) -> ImageArray:
    """BGRA over a white backdrop."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    mixed = picture[..., :3] * alpha + _BACKDROP * (1 - alpha)
    return mixed.round().astype(np.uint8)
