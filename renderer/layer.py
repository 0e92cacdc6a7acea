"""Pictures with alpha, premultiplied, and how they are laid over each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from renderer.contract import ImageArray
from renderer.raster import alpha_of

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        return slice(self.y, self.y + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.x, self.x + self.width)

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def cut(self, picture: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The part of ``picture [h, w, ...]`` inside, as a view."""
        return picture[self.rows, self.columns]

    def moved(self, x: int, y: int) -> Rect:
        """The rectangle as it is seen from a corner at (x, y)."""
        return Rect(self.x - x, self.y - y, self.width, self.height)

    def grown(self, margin: int) -> Rect:
        """The rectangle with a margin all around."""
        return Rect(
            self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin
        )

    def in_steps(self, step: int) -> Rect:
        """The smallest rectangle around it whose sides lie on multiples of ``step``."""
        x, y = self.x // step * step, self.y // step * step
        right, bottom = -(-(self.x + self.width) // step), -(-(self.y + self.height) // step)
        return Rect(x, y, right * step - x, bottom * step - y)

    def within(self, width: int, height: int) -> Rect:
        """The part of it inside a picture of this size."""
        x0, y0 = max(self.x, 0), max(self.y, 0)
        x1, y1 = min(self.x + self.width, width), min(self.y + self.height, height)
        return Rect(x0, y0, max(x1 - x0, 0), max(y1 - y0, 0))


@dataclass(frozen=True, slots=True)
class Layer:
    """Premultiplied BGRA pixels [h, w, 4] and where their corner lies in the picture."""

    pixels: ImageArray
    x: int
    y: int

    @property
    def rect(self) -> Rect:
        height, width = self.pixels.shape[:2]
        return Rect(self.x, self.y, width, height)


def premultiplied(layer: ImageArray, size: int) -> ImageArray:
    """A straight-alpha BGRA picture as premultiplied BGRA [size, size, 4].

    Most layers are mostly clear: only what shows is computed, to where pixels of both sizes meet.
    """
    common = math.gcd(len(layer), size)
    source, target = len(layer) // common, size // common
    x, y, width, height = cv2.boundingRect(layer[..., 3])
    x0, y0 = x // source, y // source
    columns, rows = -(-(x + width) // source) - x0, -(-(y + height) // source) - y0
    part = Rect(x0 * source, y0 * source, columns * source, rows * source).cut(layer)
    result = np.zeros((size, size, 4), np.uint8)
    if part.size:
        alpha = alpha_of(part).astype(np.float32) / 255.0
        alpha[..., 3] = 1.0
        shape = (columns * target, rows * target)
        values = cv2.resize(part * alpha, shape, interpolation=cv2.INTER_AREA)
        shown = Rect(x0 * target, y0 * target, columns * target, rows * target).cut(result)
        shown[:] = np.rint(values)
    return result


def trimmed(picture: ImageArray, margin: int = 2) -> Layer:
    """The part of a premultiplied picture that shows, with a clear margin around it."""
    height, width = picture.shape[:2]
    x, y, w, h = cv2.boundingRect(picture[..., 3])
    rect = Rect(x - margin, y - margin, w + 2 * margin, h + 2 * margin).within(width, height)
    return Layer(np.ascontiguousarray(rect.cut(picture)), rect.x, rect.y)
