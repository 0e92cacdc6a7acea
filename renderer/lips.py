"""Lips: the bands of skin on both sides of the mouth's slit, each on its own sheet of the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.field import FaceField
from renderer.layer import Rect
from renderer.pose import Pose
from renderer.raster import over, sampled_pixels
from renderer.warp import Chart, invert, pixel_places, start_places

BAND, FADE = 0.075, 0.025
"""Reach of the lips' bands from the seam, and where they fade out, in canonical units."""


@dataclass(frozen=True, slots=True)
class Lips:
    """Both lips of one avatar at one size."""

    pictures: ImageArray
    """[2 h, w, 4]: the upper lip and the skin around it, clear below the line of the seam; under
    it the lower lip with its wet side, clear above that line."""
    chart: Chart
    """Where pixels of the upper picture lie."""
    field: FaceField
    """Displacement around the mouth on the upper and the lower sheet."""
    keypoints: FloatArray
    """Canonical keypoints [8, 3] of the lips."""
    seam: FloatArray
    """The seam [k, 2] in canonical units."""
    seam_basis: FloatArray
    """[2, k, terms]: the field's basis along the seam on both sheets."""

    def edges(self, pose: Pose, terms: FloatArray) -> FloatArray:
        """The driven edges of the upper and the lower lip [2, k, 2] in canonical units.

        ``terms`` are those of the face's field for ``pose``, here and below.
        """
        return (self.seam + self.seam_basis @ terms) @ pose.linear + pose.shift

    def warped(
        self, pose: Pose, terms: FloatArray, frame: Chart, region: Rect, split: Rect, step: int
    ) -> tuple[ImageArray, ImageArray]:
        """The upper lip in the rows of ``region`` down to the end of ``split``, and the lower lip
        in those from its beginning on; both rectangles in pixels of ``frame`` and whole steps.

        The two are mapped together, one above the other: small pictures cost as many calls as
        large ones.
        """
        grid = self.field.chart
        first = (split.y - region.y) // step
        last = (split.y + split.height - region.y) // step + 2
        start = start_places(region, step, frame, grid, pose.inverse, pose.shift)
        starts = np.concatenate([start[:, :last], start[:, first:]], 1)
        upper, lower = self.field.displacement(terms)
        starts[1, last:] += len(upper)
        places = invert(np.concatenate([upper, lower]), starts, self.field.guess(terms))
        height = len(self.pictures) // 2
        places[1, last:] += height * grid.gain / self.chart.gain - len(upper)
        x, y = pixel_places(places, grid, self.chart, step)
        pixels = sampled_pixels(self.pictures, x, y)
        return pixels[: (last - 2) * step], pixels[last * step :]


def cut_lips(
    face: ImageArray, lower_lip: ImageArray, seam: FloatArray, gain: float
) -> tuple[ImageArray, ImageArray]:
    """Bands of the face above and below the slit, which fade into the skin around.

    From whole pictures, the seam in their pixels and their pixels per canonical unit.
    """
    size = len(face)
    columns = np.arange(size, dtype=np.float32)
    depth = np.arange(size, dtype=np.float32)[:, None] - np.interp(columns, seam[:, 0], seam[:, 1])
    inside = np.minimum(columns - seam[0, 0], seam[-1, 0] - columns)
    band = np.clip((BAND * gain - np.abs(depth)) / (FADE * gain), 0.0, 1.0)
    band = band * np.clip((inside + BAND * gain / 2) / (FADE * gain), 0.0, 1.0)
    below = np.clip(depth + 0.5, 0.0, 1.0)
    low = face.copy()
    over(low, lower_lip)
    upper = face * (band * (1.0 - below))[..., None]
    lower = low * (band * below)[..., None]
    return np.rint(upper).astype(np.uint8), np.rint(lower).astype(np.uint8)
