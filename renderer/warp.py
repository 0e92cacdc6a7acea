"""Backward maps from forward displacements.

A displacement is known where the skin is in the portrait; a picture needs to know, for each of its
pixels, which part of the portrait shows there. The inverse is found by fixed-point steps on a
lattice of output places and enlarged to full resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.layout import FloatArray
from renderer.layer import Rect
from renderer.raster import enlarged, sampled_values

STEPS = 4
"""Fixed-point steps; each shrinks the error by the slope of the displacement (below a half)."""


_COUNT = np.arange(2048, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Chart:
    """How indices of an array lie in canonical space: index = canonical * gain + (x, y)."""

    gain: float
    x: float
    y: float

    def moved(self, x: float, y: float) -> Chart:
        """The chart of a part of the array whose corner is at index (x, y)."""
        return Chart(self.gain, self.x - x, self.y - y)

    def index(self, points: FloatArray) -> FloatArray:
        """Indices [..., 2] of canonical ``points [..., 2]``."""
        result: FloatArray = points * np.float32(self.gain) + np.array((self.x, self.y), np.float32)
        return result


def start_places(
    rect: Rect, step: int, frame: Chart, grid: Chart, inverse: FloatArray, shift: FloatArray
) -> FloatArray:
    """Grid indices of the lattice of ``rect`` with the affine motion undone.

    Lattice nodes are the centres of blocks of ``step`` pixels, with one more block all around, so
    that nothing is extrapolated when it is enlarged; the result is [2, h + 2, w + 2].
    """
    ratio = grid.gain / frame.gain
    (a, b), (c, d) = inverse.tolist()
    shift_x, shift_y = shift.tolist()
    first = (step - 1) / 2 - step
    x = (rect.x + first - frame.x - shift_x * frame.gain) * ratio
    y = (rect.y + first - frame.y - shift_y * frame.gain) * ratio
    width, height = rect.width // step + 2, rect.height // step + 2
    columns, rows = _COUNT[:width] * (step * ratio), _COUNT[:height, None] * (step * ratio)
    places = np.empty((2, height, width), np.float32)
    np.add(columns * a, rows * c + (x * a + y * c + grid.x), out=places[0])
    np.add(columns * b, rows * d + (x * b + y * d + grid.y), out=places[1])
    return places


def invert(displacement: FloatArray, start: FloatArray, guess: FloatArray) -> FloatArray:
    """Places p [2, h, w] with p + displacement(p) = start, all in grid indices.

    ``displacement [rows, cols, 4]`` has x and y in its first two channels. ``guess [2]`` is about
    how far places are displaced; it only saves steps.
    """
    places = start - guess[:, None, None]
    for _ in range(STEPS):
        displaced = sampled_values(displacement, places[0], places[1])
        np.subtract(start, displaced.transpose(2, 0, 1)[:2], out=places)
    return places


def pixel_places(places: FloatArray, grid: Chart, texture: Chart, step: int) -> FloatArray:
    """Texture indices [2, height, width] of a rectangle's pixels from its lattice ``places``."""
    ratio = texture.gain / grid.gain
    nodes = places * np.float32(ratio)
    nodes[0] += texture.x - grid.x * ratio
    nodes[1] += texture.y - grid.y * ratio
    return enlarged(nodes, step)
