"""The mouth: two lips on two sheets of the skin, and what shows between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.layer import Layer, Rect
from renderer.lips import BAND, Lips
from renderer.pose import Pose
from renderer.raster import faded, filled, masked, over, placed_pixels
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
"""Offsets in z up to which the tongue lies behind, and from which before the upper teeth. From 0
on it comes before the lower teeth; all this fades, for no motion is so steady that nothing would
flicker at a limit."""
EDGE = 0.8
"""Pixels by which the inside goes on behind the edges of the lips."""
SHADE = 0.012
"""How far the lips shade what is between them, in canonical units."""
BARED = 0.007
"""How much longer the upper teeth then look, in canonical units."""
BITE_FADE = 0.4
"""Share of :data:`ROLLED` up to which this fades in."""
LEAST_SHARE = 0.01
"""Share below which what fades in is not drawn."""
BITE_SHADE = (0, 0, 25, 75)
"""Shade that the upper teeth cast on a lower lip below them, premultiplied BGRA."""
BITE_DROP = 0.0048
"""How far below the teeth it reaches, in canonical units."""
VISIBLE_GAP = 0.3
"""Opening in pixels below which nothing shows between the lips; it fades in over the next."""


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
    """What is between the lips, as it lies in a picture."""

    parts: MouthParts
    pose: Pose
    local: Chart
    """Where pixels of the picture lie."""
    edges: FloatArray
    """The edges of the upper and the lower lip [2, k, 2] in its pixels."""

    @property
    def gap(self) -> float:
        """Height of the opening in pixels."""
        upper, lower = self.edges
        return float((lower - upper)[:, 1].max())

    def part(self, box: Rect) -> Opening:
        """The same as it lies in a part of the picture."""
        corner = np.array((box.x, box.y), np.float32)
        return Opening(self.parts, self.pose, self.local.moved(box.x, box.y), self.edges - corner)

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
        teeth = self._placed(self.parts.upper_teeth, lip, 0.0, BARED * share)
        bitten = lower + _arc(len(lower)) * (BITE * self.local.gain * share)
        drop = np.array((0.0, BITE_DROP * self.local.gain), np.float32)
        seen = min(share / BITE_FADE, 1.0)
        over(lip, faded(_polygon(upper, bitten + drop, lip.shape, BITE_SHADE), seen))
        over(lip, faded(masked(teeth, _polygon(upper, bitten, lip.shape)), seen))

    def _placed(self, layer: Layer, picture: ImageArray, x: float, y: float) -> ImageArray:
        """``layer`` in the plane of the teeth, moved by (x, y) canonical units, for ``picture``."""
        # In plain numbers: arrays of two take longer to make than to compute with.
        chart, local, pose = self.parts.chart.moved(layer.x, layer.y), self.local, self.pose
        depth = float(self.parts.lips.keypoints[K.UPPER_INNER, 2]) + TOOTH_DEPTH
        (a, b), (c, d), (depth_x, depth_y), (shift_x, shift_y) = pose.projection.tolist()
        left, top = -chart.x / chart.gain, -chart.y / chart.gain
        corner_x = left * a + top * c + depth * depth_x + shift_x + pose.scale * x
        corner_y = left * b + top * d + depth * depth_y + shift_y + pose.scale * y
        ratio = local.gain / chart.gain
        affine = np.array(
            [
                [a * ratio, c * ratio, corner_x * local.gain + local.x],
                [b * ratio, d * ratio, corner_y * local.gain + local.y],
            ],
            np.float32,
        )
        return placed_pixels(layer.pixels, affine, picture.shape[1], picture.shape[0])


def draw_mouth(
    face: ImageArray,
    rect: Rect,
    parts: MouthParts,
    pose: Pose,
    terms: FloatArray,
    frame: Chart,
    step: int,
) -> None:
    """Draw lips and what shows between them into ``face``, the warped face that fills ``rect``.

    ``terms`` are those of the face's field for ``pose``.
    """
    lips = parts.lips
    inside = lips.region(pose, frame, step).moved(rect.x, rect.y).within(rect.width, rect.height)
    if inside.empty:
        return
    patch = inside.cut(face)
    region = inside.moved(-rect.x, -rect.y)
    local = frame.moved(region.x, region.y)
    opening = Opening(parts, pose, local, local.index(lips.edges(pose, terms)))
    around = Rect(*cv2.boundingRect(opening.edges.reshape(-1, 2)))
    if opening.gap > VISIBLE_GAP:
        _draw_inside(patch, opening, around)
    # Beyond the corners the line of the seam goes on level, and tilts with the head.
    slack = 2 + int(BAND * frame.gain * abs(float(pose.linear[0, 1])))
    between = around.grown(slack).in_steps(step).within(region.width, region.height)
    split = between.moved(-region.x, -region.y)
    upper, lower = lips.warped(pose, terms, frame, region, split, step)
    over(patch[between.y :], lower)
    rolled = float(pose.offsets[K.UPPER_INNER, 2] - pose.offsets[K.LOWER_INNER, 2]) / ROLLED
    if rolled > LEAST_SHARE:
        reach = math.ceil((BITE + BITE_DROP) * frame.gain)
        box = around.grown(reach).within(region.width, region.height)
        opening.part(box).draw_bite(box.cut(patch), min(rolled, 1.0))
    over(patch[: len(upper)], upper)


def _draw_inside(patch: ImageArray, opening: Opening, around: Rect) -> None:
    """Draw cavity, tongue and teeth between the edges of the lips, which lie ``around``."""
    box = around.grown(2).within(patch.shape[1], patch.shape[0])
    if box.empty:
        return
    here = opening.part(box)
    inside = here.drawn_inside(box.width, box.height)
    upper, lower = here.edges
    behind = np.array((0.0, EDGE), np.float32)
    mask = _polygon(upper - behind, lower + behind, inside.shape)
    inside = masked(inside, _shade(mask, SHADE * here.local.gain))
    over(box.cut(patch), masked(faded(inside, opening.gap - VISIBLE_GAP), mask))


def _shade(mask: ImageArray, reach: float) -> ImageArray:
    """Light that the lips leave within ``mask``: it grows over ``reach`` pixels from its edges."""
    width = 2 * round(reach) + 1
    light = cv2.convertScaleAbs(cv2.blur(mask, (width, width)), alpha=1.4)
    light[..., 3] = 255
    return cast(ImageArray, light)


def _arc(count: int) -> FloatArray:
    """Offsets [count, 2] of an arc that hangs between the corners of the mouth, 1 at its middle."""
    along = np.linspace(-1.0, 1.0, count, dtype=np.float32)
    drop = np.maximum(1.0 - (along / 0.85) ** 2, 0.0)
    return np.stack([np.zeros_like(along), drop], 1)


def _polygon(
    upper: FloatArray,
    lower: FloatArray,
    shape: tuple[int, ...],
    colour: tuple[int, int, int, int] = (255, 255, 255, 255),
) -> ImageArray:
    """Soft-edged area between two edges [k, 2] in pixels, premultiplied [*shape]."""
    mask = np.zeros(shape, np.uint8)
    back = lower[::-1].copy()
    np.maximum(back[:, 1], upper[::-1, 1], out=back[:, 1])
    outline = np.rint(np.concatenate([upper, back]) * 16).astype(np.int32)
    cv2.fillPoly(mask, [outline], colour, cv2.LINE_AA, 4)
    return mask
