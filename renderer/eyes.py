"""Eyes: irises that aim, lids that close, drawn into the face before it is warped.

The face's texture has the white of the eyes in place. Both eyes are drawn at once, side by side in
one strip: they are so small that the number of calls is what they cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
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
"""Share of the iris's movement that the catch-light follows, which stays on the round cornea."""
WATERLINE = 0.006
"""Height of the wet rim of the lower lid that no iris covers, in canonical units."""
WIDEST, LEVELS = -0.16, 64
"""Closure of wide-open eyes, and how many lids from there to 1 are drawn in advance."""
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
    lids: ImageArray
    """Upper lids [:data:`LEVELS`, 2, h, w, 4] of left and right eye, ever further closed."""

    def draw(
        self, texture: ImageArray, lids: tuple[float, float], gaze_x: float, gaze_y: float
    ) -> None:
        """Draw the eyes into the face's ``texture``; lids and gaze are in canonical units."""
        patches = [rect.cut(texture) for rect in self.rects]
        strip = cast(ImageArray, cv2.hconcat(patches))
        height, width = strip.shape[:2]
        x, y = gaze_x * self.gain, gaze_y * self.gain
        place = np.array([[1, 0, x], [0, 1, y]], np.float32)
        over(strip, masked(placed_pixels(self.iris, place, width, height), self.inside))
        place[:, 2] *= GLINT_SHARE
        over(strip, placed_pixels(self.glint, place, width, height))
        halves = slice(width // 2), slice(width // 2, width)
        lid = np.empty_like(strip)
        for side, half in enumerate(halves):
            self._draw_lid(lid[:, half], side, lids[side])
        over(strip, lid)
        for patch, half in zip(patches, halves, strict=True):
            patch[:] = strip[:, half]

    def _draw_lid(self, picture: ImageArray, side: int, offset: float) -> None:
        """The upper lid of an eye, between the two that were drawn for closures next to its own."""
        level = (offset / LID_TRAVEL - WIDEST) / (1 - WIDEST) * (LEVELS - 1)
        level = min(max(level, 0.0), LEVELS - 1.001)
        lower = int(level)
        share = level - lower
        before, after = self.lids[lower, side], self.lids[lower + 1, side]
        cv2.addWeighted(before, 1 - share, after, share, 0.0, dst=picture)


@dataclass(frozen=True, slots=True)
class LidParts:
    """What the upper lids of both eyes are drawn from, as strips."""

    pictures: ImageArray
    """The strips of :data:`LID_PARTS`, one below the other, each with its guard."""
    crease: FloatArray
    """Height of the crease over the columns of a strip [2 w], and so on."""
    open: FloatArray
    closed: FloatArray
    least: float
    """Height of lid below the crease that shows however wide the eye is, in pixels."""

    def drawn(self, closure: float) -> ImageArray:
        """The upper lids [h, 2 w, 4] when they have gone the share ``closure`` of their way."""
        height = len(self.pictures) // len(LID_PARTS) - GUARD
        width = len(self.open)
        pitch = height + GUARD
        # Lashes turn with the lid: seen from the front they shorten, then lengthen downwards.
        up = closure < TURN
        turned = (TURN - closure) / TURN if up else (closure - TURN) / (1 - TURN)
        length = max(min(turned, 1.0), SHORTEST_LASH)
        edge = self.open + closure * (self.closed - self.open)
        np.maximum(edge, self.crease + np.float32(self.least), out=edge)
        squeeze = (self.closed - self.crease) / (edge - self.crease)
        y = np.arange(height, dtype=np.float32)[:, None]
        below_edge = y - edge
        columns = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width)).copy()
        lids = np.zeros((height, width, 4), np.uint8)
        for part, rows in (
            (0, y + np.maximum(y - self.crease, 0) * (squeeze - 1)),
            (1 if up else 3, (self.open if up else self.closed) + below_edge / length),
            (2, self.open + below_edge),
        ):
            places = np.clip(rows, -1, height) + np.float32(part * pitch)
            over(lids, sampled_pixels(self.pictures, columns, places))
        return lids


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
    parts = LidParts(
        pictures=np.concatenate([np.pad(strip(layers[name]), guard) for name in LID_PARTS]),
        crease=profile("crease"),
        open=profile("open"),
        closed=profile("closed"),
        least=LEAST_LID * chart.gain,
    )
    closures = np.linspace(WIDEST, 1.0, LEVELS).tolist()
    lids = np.stack([np.split(parts.drawn(closure), 2, axis=1) for closure in closures])
    iris, glint = strip(layers["iris"]), strip(layers["glint"])
    alphas = [lids[..., 3].max(0), *(_halves(p)[..., 3] for p in (inside, iris, glint))]
    shown = Rect(*cv2.boundingRect(np.concatenate(alphas).max(0))).grown(1).within(width, height)

    def cut(strip: ImageArray) -> ImageArray:
        return np.concatenate([shown.cut(half) for half in _halves(strip)], 1)

    left, right = (
        Rect(box.x - face.x + shown.x, box.y - face.y + shown.y, shown.width, shown.height)
        for box in (left, right)
    )
    return Eyes(
        rects=(left, right),
        gain=chart.gain,
        inside=cut(inside),
        iris=cut(iris),
        glint=cut(glint),
        lids=np.ascontiguousarray(lids[:, :, shown.rows, shown.columns]),
    )


def _halves(strip: ImageArray) -> ImageArray:
    """The pictures of both eyes [2, h, w, 4] of a ``strip [h, 2 w, 4]``."""
    return np.stack(np.split(strip, 2, axis=1))


def _box(eye: Eye, chart: Chart) -> Rect:
    """What an eye and its lids may cover of the picture."""
    margin = 0.03 * chart.gain
    left, right = (float(v) * chart.gain + chart.x for v in (eye.x[0], eye.x[-1]))
    top = float(eye.crease.min()) * chart.gain + chart.y - margin
    bottom = float(eye.closed.max()) * chart.gain + chart.y + 1.5 * margin
    x0, y0 = int(left - margin), int(top)
    return Rect(x0, y0, int(right + margin) + 1 - x0, int(bottom) + 1 - y0)
