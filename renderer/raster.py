"""The OpenCV calls of the decoder, typed: bilinear sampling, arithmetic on premultiplied BGRA."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray


def sampled_pixels(picture: ImageArray, x: FloatArray, y: FloatArray) -> ImageArray:
    """``picture [h, w, 4]`` at pixel places ``x, y [rows, cols]``, clear outside of it.

    OpenCV is a third faster with the two apart than with one map of two channels.
    """
    return cast(
        ImageArray, cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    )


def sampled_values(values: FloatArray, places: FloatArray) -> FloatArray:
    """``values [h, w, ...]`` at ``places [rows, cols, 2]``; outside as at the nearest edge."""
    return cast(
        FloatArray,
        cv2.remap(values, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),  # type: ignore[call-overload]
    )


def enlarged(values: FloatArray, step: int) -> FloatArray:
    """``values [h, w]`` interpolated to ``step`` times the size; nodes are block centres."""
    height, width = values.shape
    size = (width * step, height * step)
    return cast(FloatArray, cv2.resize(values, size, interpolation=cv2.INTER_LINEAR))


def placed_pixels(picture: ImageArray, affine: FloatArray, width: int, height: int) -> ImageArray:
    """``picture`` moved by ``affine [2, 3]`` (its pixels to the result's), clear around it."""
    return cast(
        ImageArray, cv2.warpAffine(picture, affine, (width, height), flags=cv2.INTER_LINEAR)
    )


def alpha_of(picture: ImageArray) -> ImageArray:
    """The alpha (the last channel) of ``picture [h, w, c]`` in four channels."""
    alpha = np.ascontiguousarray(picture[..., -1])
    return cast(ImageArray, cv2.merge([alpha] * 4))


def masked(picture: ImageArray, mask: ImageArray) -> ImageArray:
    """``picture`` times ``mask`` of the same shape, 255 being one."""
    return cast(ImageArray, cv2.multiply(picture, mask, scale=1 / 255))


def faded(picture: ImageArray, share: float) -> ImageArray:
    """``picture`` times a ``share`` of 0 to 1."""
    return picture if share >= 1.0 else cast(ImageArray, cv2.convertScaleAbs(picture, alpha=share))


def over(base: ImageArray, layer: ImageArray) -> None:
    """Lay ``layer`` over ``base`` in place; both are premultiplied and of one shape."""
    rest = cv2.bitwise_not(layer[..., 3])
    cv2.multiply(base, cv2.merge([rest, rest, rest, rest]), dst=base, scale=1 / 255)
    cv2.add(base, layer, dst=base)
