"""The mouth: two lips on two sheets of the skin, and what shows between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.layer import Layer, Rect
from renderer.lips import BAND, Lips
from renderer.pose import Pose
from renderer.raster import faded, filled, four_channels, masked, over, placed_pixels
from renderer.warp import Chart

K = Keypoint

CAVITY = (26, 16, 52, 255)
"""Colour of the open mouth behind teeth and tongue, BGRA."""
TOOTH_DEPTH = -0.035
"""How far the teeth lie behind the lips, in canonical units."""
ROLLED = 0.03
"""Distance in z by which the lower lip, rolled in, lies wholly behind the upper teeth."""
BITE = 0.016
"""Height of lower lip, in canonical units, that the upper teeth then cover."""
TONGUE_BEHIND, TONGUE_BEFORE = 0.012, 0.022
"""Offsets in z up to which the tongue is behind, and from which it is before the upper teeth. From
0 it moves before the lower teeth. All transitions fade: motion is never steady enough for a hard
threshold not to flicker."""
EDGE = 0.8
"""Pixels by which the inside of the mouth extends behind the edges of the lips."""
SHADE = 0.012
"""Reach of the lips' shadow on the inside of the mouth, in canonical units."""
BARED = 0.007
"""How much longer the upper teeth then look, in canonical units."""
BITE_FADE = 0.4
"""Share of :data:`ROLLED` up to which this fades in."""
LEAST_SHARE = 0.01
"""Opacity below which a part that fades in is not drawn."""
BITE_SHADE = (0, 0, 25, 75)
"""Shade that the upper teeth cast on a lower lip below them, premultiplied BGRA."""
BITE_DROP = 0.0048
"""How far below the teeth it reaches, in canonical units."""
REACH = 0.09
"""How far from the seam lips are drawn, in canonical units: beyond their bands, which stretch."""
VISIBLE_GAP = 0.3
"""Opening in pixels below which nothing shows between the lips; it fades in over one more pixel."""


@dataclass(frozen=True, slots=True)
class MouthParts:
    """The mouth of one avatar at one size."""

    lips: Lips
    upper_teeth: Layer
    lower_teeth: Layer
    tongue: Layer
    chart: Chart
    """Where pixels of the picture that the layers are cut from lie."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The open mouth between the lips, in the coordinates of a picture."""

    parts: MouthParts
    pose: Pose
    edges: FloatArray
    """The edges of the upper and the lower lip [2, k, 2] in pixels of the picture."""
    gain: float
    """Pixels per canonical unit."""
    teeth: tuple[float, float, float, float, float, float]
    """Where teeth lie: (a, b, c, d, e, f) for canonical (x, y) at pixel
    (x a + y c + e, x b + y d + f)."""

    @property
    def gap(self) -> float:
        """Height of the opening in pixels."""
        return float((self.edges[1, :, 1] - self.edges[0, :, 1]).max())

    def part(self, box: Rect) -> Opening:
        """The same in the coordinates of a part of the picture."""
        a, b, c, d, e, f = self.teeth
        edges = self.edges - np.array((box.x, box.y), np.float32)
        return replace(self, edges=edges, teeth=(a, b, c, d, e - box.x, f - box.y))

    def drawn_inside(self, width: int, height: int) -> ImageArray:
        """Cavity, tongue and teeth [height, width, 4]."""
        inside = filled(CAVITY, width, height)
        parts, offsets = self.parts, self.pose.offsets
        jaw_x, jaw_y = offsets[K.JAW, :2].tolist()
        _, tongue_y, tongue_z = offsets[K.TONGUE].tolist()
        tongue = self._placed(parts.tongue, inside, 0.7 * jaw_x, 0.7 * jaw_y + tongue_y)
        lower_teeth = self._placed(parts.lower_teeth, inside, jaw_x, 0.92 * jaw_y)
        over(inside, tongue)
        over(inside, lower_teeth)
        rises = tongue_z / TONGUE_BEHIND
        if rises > LEAST_SHARE:
            over(inside, faded(tongue, rises))
        over(inside, self._placed(parts.upper_teeth, inside, 0.0, 0.0))
        comes_out = (tongue_z - TONGUE_BEHIND) / (TONGUE_BEFORE - TONGUE_BEHIND)
        if comes_out > LEAST_SHARE:
            over(inside, faded(tongue, comes_out))
        return inside

    def draw_bite(self, lip: ImageArray, share: float) -> None:
        """Draw the upper teeth on a lower ``lip`` that is rolled in by ``share``."""
        upper, lower = self.edges
        bitten = lower + _arc(len(lower)) * np.float32(BITE * self.gain * share)
        drop = np.array((0.0, BITE_DROP * self.gain), np.float32)
        seen = min(share / BITE_FADE, 1.0)
        over(lip, faded(_polygon(upper, bitten + drop, lip.shape, BITE_SHADE), seen))
        teeth = self._placed(self.parts.upper_teeth, lip, 0.0, BARED * share)
        shown = faded(_polygon(upper, bitten, lip.shape[:2]), seen)
        over(lip, masked(teeth, four_channels(shown, shown)))

    def _placed(self, layer: Layer, picture: ImageArray, x: float, y: float) -> ImageArray:
        """``layer`` in the plane of the teeth, moved by (x, y) canonical units, for ``picture``."""
        # With plain numbers: small arrays cost more to create than to compute with.
        a, b, c, d, e, f = self.teeth
        chart, moved = self.parts.chart, self.pose.scale * self.gain
        left, top = (layer.x - chart.x) / chart.gain, (layer.y - chart.y) / chart.gain
        affine = np.array(
            [
                [a / chart.gain, c / chart.gain, left * a + top * c + e + moved * x],
                [b / chart.gain, d / chart.gain, left * b + top * d + f + moved * y],
            ],
            np.float32,
        )
        return placed_pixels(layer.pixels, affine, picture.shape[1], picture.shape[0])


def draw_mouth(
    frame: ImageArray, parts: MouthParts, pose: Pose, terms: FloatArray, chart: Chart, step: int
) -> None:
    """Draw lips and what shows between them into a ``frame`` with the face in it.

    ``terms`` are those of the face's field for ``pose``, ``chart`` is where pixels of frames lie.
    """
    lips = parts.lips
    edges = chart.index(lips.edges(pose, terms))
    around = Rect(*cv2.boundingRect(edges.reshape(-1, 2)))
    height, width = frame.shape[:2]
    region = around.grown(round(REACH * chart.gain)).in_steps(step).within(width, height)
    if region.empty:
        return
    opening = Opening(parts, pose, edges, chart.gain, _plane_of_teeth(parts, pose, chart))
    if opening.gap > VISIBLE_GAP:
        _draw_inside(frame, opening, around)
    # Beyond the corners the seam is continued horizontally, and tilts with the head.
    slack = 2 + int(BAND * chart.gain * abs(float(pose.linear[0, 1])))
    split = around.grown(slack).in_steps(step).moved(region.x, region.y)
    split = split.within(region.width, region.height).moved(-region.x, -region.y)
    upper, lower = lips.warped(pose, terms, chart, region, split, step)
    patch = region.cut(frame)
    over(patch[split.y - region.y :], lower)
    rolled = float(pose.offsets[K.UPPER_INNER, 2] - pose.offsets[K.LOWER_INNER, 2]) / ROLLED
    if rolled > LEAST_SHARE:
        box = around.grown(math.ceil((BITE + BITE_DROP) * chart.gain)).within(width, height)
        opening.part(box).draw_bite(box.cut(frame), min(rolled, 1.0))
    over(patch[: len(upper)], upper)


def _plane_of_teeth(
    parts: MouthParts, pose: Pose, chart: Chart
) -> tuple[float, float, float, float, float, float]:
    """Where teeth lie in a frame; the form is that of :attr:`Opening.teeth`."""
    depth = float(parts.lips.keypoints[K.UPPER_INNER, 2]) + TOOTH_DEPTH
    (a, b), (c, d), (depth_x, depth_y), (shift_x, shift_y) = pose.projection.tolist()
    gain = chart.gain
    e = (depth * depth_x + shift_x) * gain + chart.x
    f = (depth * depth_y + shift_y) * gain + chart.y
    return a * gain, b * gain, c * gain, d * gain, e, f


def _draw_inside(frame: ImageArray, opening: Opening, around: Rect) -> None:
    """Draw cavity, tongue and teeth between the edges of the lips, which lie ``around``."""
    box = around.grown(2).within(frame.shape[1], frame.shape[0])
    if box.empty:
        return
    here = opening.part(box)
    upper, lower = here.edges
    behind = np.array((0.0, EDGE), np.float32)
    mask = _polygon(upper - behind, lower + behind, (box.height, box.width))
    shown = faded(mask, opening.gap - VISIBLE_GAP)
    light = masked(shown, _light(mask, SHADE * here.gain))
    inside = here.drawn_inside(box.width, box.height)
    over(box.cut(frame), masked(inside, four_channels(light, shown)))


def _light(mask: ImageArray, reach: float) -> ImageArray:
    """Light that the lips leave within ``mask``: it grows over ``reach`` pixels from its edges."""
    width = 2 * round(reach) + 1
    return cast(ImageArray, cv2.convertScaleAbs(cv2.blur(mask, (width, width)), alpha=1.4))


@cache
def _arc(count: int) -> FloatArray:
    """Offsets [count, 2] of an arc that hangs between the corners of the mouth, 1 at its middle."""
    along = np.linspace(-1.0, 1.0, count, dtype=np.float32)
    drop = np.maximum(1.0 - (along / 0.85) ** 2, 0.0)
    return np.stack([np.zeros_like(along), drop], 1)


def _polygon(
    upper: FloatArray,
    lower: FloatArray,
    shape: tuple[int, ...],
    colour: tuple[int, ...] = (255,),
) -> ImageArray:
    """Soft-edged area of ``colour`` between two edges [k, 2] in pixels, premultiplied [*shape]."""
    mask = np.zeros(shape, np.uint8)
    back = lower[::-1].copy()
    np.maximum(back[:, 1], upper[::-1, 1], out=back[:, 1])
    outline = np.rint(np.concatenate([upper, back]) * np.float32(16)).astype(np.int32)
    cv2.fillPoly(mask, [outline], colour, cv2.LINE_AA, 4)
    return mask
