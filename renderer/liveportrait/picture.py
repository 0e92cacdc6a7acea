"""Photos as the published networks take them."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from renderer.contract import ImageArray
from renderer.photo.picture import decode_picture

MAX_SIDE: Final = 1920
"""Larger pictures are scaled down to this, as MoDA does."""


def network_picture(content: bytes) -> ImageArray:
    """RGB [H, W, 3] of a picture's bytes: upright, opaque, of even sides up to :data:`MAX_SIDE`.

    Raises PictureError as :func:`~renderer.photo.picture.decode_picture` does.
    """
    picture = decode_picture(content)
    height, width = picture.shape[:2]
    factor = min(1.0, MAX_SIDE / max(height, width))
    if factor < 1:
        size = (round(width * factor), round(height * factor))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height - height % 2, : width - width % 2, ::-1])
