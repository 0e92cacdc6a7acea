"""The OpenCV calls of the decoder, typed: bilinear sampling, arithmetic on premultiplied BGRA."""

from __future__ import annotations

from typing import Final, cast

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray

SAMPLED_CHANNELS: Final = 4
"""Channels of what is sampled. OpenCV has a path for four that is twice as fast as that for two
or three, and faster with the places' x and y apart than in one map of two channels."""
_TO_LAST_BYTE: Final = np.uint32(24)
_FOUR_BYTES: Final = np.uint32(0x01010101)


def sampled_pixels(picture: ImageArray, x: FloatArray, y: FloatArray) -> ImageArray:
    """``picture [h, w, 4]`` at pixel places ``x, y [rows, cols]``, clear outside of it."""
    return cast(
        ImageArray, cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    )


def sampled_backdrop(picture: ImageArray, x: FloatArray, y: FloatArray, into: ImageArray) -> None:
    """Write ``picture [h, w, 4]`` at ``x, y`` to ``into``; outside as at the nearest edge."""
    cv2.remap(picture, x, y, cv2.INTER_LINEAR, into, borderMode=cv2.BORDER_REPLICATE)


def sampled_values(values: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """``values [h, w, ...]`` at ``x, y [rows, cols]``; outside as at the nearest edge."""
    return cast(
        FloatArray, cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def enlarged(values: FloatArray, step: int) -> FloatArray:
    """``values [n, h, w]`` interpolated to [n, (h - 2) step, (w - 2) step].

    Nodes are centres of blocks of ``step`` pixels; the outermost blocks are cut off, for they are
    extrapolated. All planes are enlarged in one call, as one tall picture.
    """
    count, height, width = values.shape
    tall = values.reshape(count * height, width)
    size = (width * step, count * height * step)
    whole = cast(FloatArray, cv2.resize(tall, size, interpolation=cv2.INTER_LINEAR))
    return whole.reshape(count, height * step, width * step)[:, step:-step, step:-step]


def placed_pixels(picture: ImageArray, affine: FloatArray, width: int, height: int) -> ImageArray:
    """``picture`` moved by ``affine [2, 3]`` (its pixels to the result's), clear around it."""
    return cast(
        ImageArray, cv2.warpAffine(picture, affine, (width, height), flags=cv2.INTER_LINEAR)
    )


def filled(colour: tuple[int, ...], width: int, height: int) -> ImageArray:
    """A picture [height, width, 4] of one BGRA ``colour``, filled by whole pixels."""
    pixel = np.array(colour, np.uint8).view(np.uint32)[0]
    return np.full((height, width, 1), pixel).view(np.uint8)


def alpha_of(picture: ImageArray) -> ImageArray:
    """The alpha (the last channel) of ``picture [h, w, c]`` in four channels."""
    alpha = np.ascontiguousarray(picture[..., -1])
    return four_channels(alpha, alpha)


def four_channels(grey: ImageArray, alpha: ImageArray) -> ImageArray:
    """A premultiplied picture [h, w, 4] of ``grey [h, w]``."""
    return cast(ImageArray, cv2.merge((grey, grey, grey, alpha)))


def masked(picture: ImageArray, mask: ImageArray) -> ImageArray:
    """``picture`` times ``mask`` of the same shape, 255 being one."""
    return cast(ImageArray, cv2.multiply(picture, mask, scale=1 / 255))


def faded(picture: ImageArray, share: float) -> ImageArray:
    """``picture`` times a ``share`` of 0 to 1."""
    return picture if share >= 1.0 else cast(ImageArray, cv2.convertScaleAbs(picture, alpha=share))


def over(base: ImageArray, layer: ImageArray) -> None:
    """Lay ``layer`` over ``base`` in place; both are premultiplied and of one shape."""
    # The inverted alpha in all four bytes, on whole pixels: half the time of splitting channels.
    rest = np.invert(layer.view(np.uint32))
    rest >>= _TO_LAST_BYTE
    rest *= _FOUR_BYTES
    cv2.multiply(base, rest.view(np.uint8), dst=base, scale=1 / 255)
    cv2.add(base, layer, dst=base)
