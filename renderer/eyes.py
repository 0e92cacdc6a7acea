"""Eyes: irises that aim, lids that close, drawn into the face before it is warped.

The face's texture has the white of the eyes in place. Both eyes are drawn at once, side by side in
one strip: they are so small that the number of calls is what they cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.keypoints import LID_TRAVEL
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.layer import Layer, Rect
from renderer.portrait import Eye
from renderer.raster import alpha_of, masked, over, placed_pixels, sampled_pixels
from renderer.warp import Chart

LEAST_LID = 0.02
"""Height of lid below the crease, in canonical units, that shows however wide the eye is."""
TURN = 0.6
"""Closure at which the lashes point at the viewer."""
SHORTEST_LASH = 0.2
GLINT_SHARE = 0.4
"""Share of the iris' way that the catch-light goes: the cornea bulges, so that it stays on it."""
WATERLINE = 0.006
"""Height of the wet rim of the lower lid that no iris covers, in canonical units."""
AT_REST = 0.05
"""Pixels by which a lid may be off its place at rest and still be drawn there."""
GUARD = 2
"""Clear rows between the pictures of a lid's parts."""
LID_PARTS = ("lid", "lashes_up", "rim", "lashes_down")
"""Skin of the closed lid, squeezed under the crease as the eye opens; lashes of the open lid;
edge of the open lid; lashes of the closed lid."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """Both eyes in the pixels of the face's texture; pictures are strips [h, 2 w, 4]."""

    rects: tuple[Rect, Rect]
    """Where left and right patch of a strip lie in the texture, [h, w] each."""
    gain: float
    """Texture pixels of one canonical unit."""
    inside: ImageArray
    """Alpha of the balls, but for their wet rims, in all four channels; it clips the irises."""
    iris: ImageArray
    glint: ImageArray
    lid_parts: ImageArray
    """The strips of :data:`LID_PARTS`, one below the other, each with its guard."""
    lids_at_rest: ImageArray
    """Upper lids while their offsets are zero."""
    crease: FloatArray
    """Height of the crease over the columns of a strip [2 w], and so on."""
    open: FloatArray
    closed: FloatArray

    def draw(
        self, texture: ImageArray, lids: tuple[float, float], gaze_x: float, gaze_y: float
    ) -> None:
        """Draw the eyes into the face's ``texture``; lids and gaze are in canonical units."""
        patches = [rect.cut(texture) for rect in self.rects]
        strip = np.concatenate(patches, 1)
        height, width = strip.shape[:2]
        x, y = gaze_x * self.gain, gaze_y * self.gain
        place = np.array([[1, 0, x], [0, 1, y]], np.float32)
        over(strip, masked(placed_pixels(self.iris, place, width, height), self.inside))
        place[:, 2] *= GLINT_SHARE
        over(strip, placed_pixels(self.glint, place, width, height))
        if max(abs(lid) for lid in lids) * self.gain < AT_REST:
            over(strip, self.lids_at_rest)
        else:
            self.draw_lids(strip, (lids[0] / LID_TRAVEL, lids[1] / LID_TRAVEL))
        for patch, drawn in zip(patches, np.split(strip, 2, 1), strict=True):
            patch[:] = drawn

    def draw_lids(self, strip: ImageArray, closures: tuple[float, float]) -> None:
        """Draw the upper lids when they have gone the shares ``closures`` of their ways down."""
        height, width = strip.shape[:2]
        pitch = height + GUARD
        # Lashes turn with the lid: seen from the front they shorten, then lengthen downwards.
        up = [closure < TURN for closure in closures]
        turned = [
            (TURN - c) / TURN if is_up else (c - TURN) / (1 - TURN)
            for c, is_up in zip(closures, up, strict=True)
        ]
        lengths = [max(min(t, 1.0), SHORTEST_LASH) for t in turned]
        closure, stretch, lashes = np.repeat(
            np.array([closures, [1 / v for v in lengths], [1 if v else 3 for v in up]], np.float32),
            width // 2,
            axis=1,
        )
        edge = self.open + closure * (self.closed - self.open)
        np.maximum(edge, self.crease + np.float32(LEAST_LID * self.gain), out=edge)
        squeeze = (self.closed - self.crease) / (edge - self.crease)
        y = np.arange(height, dtype=np.float32)[:, None]
        below_edge = y - edge
        rows = np.empty((3, height, width), np.float32)
        rows[0] = y + np.maximum(y - self.crease, 0) * (squeeze - 1)
        rows[1] = np.where(lashes == 1, self.open, self.closed) + below_edge * stretch
        rows[2] = self.open + below_edge
        np.clip(rows, -1, height, out=rows)
        rows[1] += lashes * pitch
        rows[2] += 2 * pitch
        columns = np.empty((3 * height, width), np.float32)
        columns[:] = np.arange(width, dtype=np.float32)
        parts = sampled_pixels(self.lid_parts, columns, rows.reshape(3 * height, width))
        for part in parts.reshape(3, height, width, 4):
            over(strip, part)


def prepare_eyes(
    eyes: tuple[Eye, Eye], layers: dict[str, ImageArray], face: Layer, chart: Chart
) -> Eyes:
    """Both eyes from whole premultiplied ``layers``; ``chart`` is that of whole layers."""
    boxes = [_box(eye, chart) for eye in eyes]
    width, height = max(box.width for box in boxes), max(box.height for box in boxes)
    left, right = (Rect(box.x, box.y, width, height) for box in boxes)

    def strip(picture: ImageArray) -> ImageArray:
        return np.concatenate([rect.cut(picture) for rect in (left, right)], 1)

    def profile(kind: str) -> FloatArray:
        heights = []
        for eye, rect in zip(eyes, (left, right), strict=True):
            local = chart.moved(rect.x, rect.y)
            columns = (np.arange(width) - local.x) / local.gain
            heights.append(np.interp(columns, eye.x, getattr(eye, kind)) * local.gain + local.y)
        return np.concatenate(heights).astype(np.float32)

    guard = ((0, GUARD), (0, 0), (0, 0))
    inside = alpha_of(strip(layers["eye_ball"]))
    rim = max(round(WATERLINE * chart.gain), 1)
    np.minimum(inside[:-rim], inside[rim:], out=inside[:-rim])
    prepared = Eyes(
        rects=(
            Rect(left.x - face.x, left.y - face.y, width, height),
            Rect(right.x - face.x, right.y - face.y, width, height),
        ),
        gain=chart.gain,
        inside=inside,
        iris=strip(layers["iris"]),
        glint=strip(layers["glint"]),
        lid_parts=np.concatenate([np.pad(strip(layers[name]), guard) for name in LID_PARTS]),
        lids_at_rest=np.zeros_like(inside),
        crease=profile("crease"),
        open=profile("open"),
        closed=profile("closed"),
    )
    prepared.draw_lids(prepared.lids_at_rest, (0.0, 0.0))
    return prepared


def _box(eye: Eye, chart: Chart) -> Rect:
    """What an eye and its lids may cover of the picture."""
    margin = 0.03 * chart.gain
    left, right = (float(v) * chart.gain + chart.x for v in (eye.x[0], eye.x[-1]))
    top = float(eye.crease.min()) * chart.gain + chart.y - margin
    bottom = float(eye.closed.max()) * chart.gain + chart.y + 1.5 * margin
    x0, y0 = int(left - margin), int(top)
    return Rect(x0, y0, int(right + margin) + 1 - x0, int(bottom) + 1 - y0)
