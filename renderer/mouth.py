"""The mouth: two lips on two sheets of the skin, and what shows between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.field import FaceField
from renderer.layer import Layer, Rect
from renderer.pose import Pose
from renderer.raster import alpha_of, faded, masked, over, placed_pixels
from renderer.warp import Chart, invert, part_of, sample, start_places

K = Keypoint

CAVITY = (26, 16, 52, 255)
"""Colour of the open mouth behind teeth and tongue, BGRA."""
BAND, FADE = 0.075, 0.025
"""Reach of the lips' bands from the seam, and where they fade out, in canonical units."""
TOOTH_DEPTH = -0.035
"""How far the teeth lie behind the lips, in canonical units."""
ROLLED = 0.03
"""Distance in z by which the lower lip, rolled in, lies wholly behind the upper teeth."""
BITE = 0.016
"""Height of lower lip, in canonical units, that the upper teeth then cover."""
TONGUE_BEHIND, TONGUE_BEFORE = 0.012, 0.022
"""Offsets in z up to which the tongue lies behind, and from which before the upper teeth."""
EDGE = 0.8
"""Pixels by which the inside goes on behind the edges of the lips."""
SHADE = 0.012
"""How far the lips shade what is between them, in canonical units."""
BARED = 0.007
"""How much longer the upper teeth then look, in canonical units."""
BITE_SHADE = (0, 0, 25, 75)
"""Shade that the upper teeth cast on a lower lip below them, premultiplied BGRA."""
VISIBLE_GAP = 0.3
"""Opening in pixels below which nothing shows between the lips; it fades in over the next."""


@dataclass(frozen=True, slots=True)
class MouthParts:
    """The mouth of one avatar at one size."""

    upper: Layer
    """Upper lip and the skin around it, clear below the line of the seam."""
    lower: Layer
    """Lower lip with its wet side and the skin around it, clear above the line of the seam."""
    upper_teeth: Layer
    lower_teeth: Layer
    tongue: Layer
    field: FaceField
    """Displacement around the mouth on the upper and the lower sheet."""
    lips: FloatArray
    """Canonical keypoints [8, 3] of the lips."""
    seam: FloatArray
    """The seam [k, 2] in canonical units."""
    seam_basis: FloatArray
    """[2, k, terms]: the field's basis along the seam on both sheets."""
    layer_chart: Chart
    """Where pixels of the picture that the layers are cut from lie."""


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


def seam_places(parts: MouthParts, pose: Pose, terms: FloatArray) -> FloatArray:
    """The driven edges of the upper and the lower lip [2, k, 2] in canonical units."""
    return (parts.seam + parts.seam_basis @ terms) @ pose.linear + pose.shift


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
    region = _region(parts, pose, frame, rect, step)
    if region.empty:
        return
    patch = Rect(region.x - rect.x, region.y - rect.y, region.width, region.height).cut(face)
    local = frame.moved(region.x, region.y)
    upper_edge, lower_edge = local.index(seam_places(parts, pose, terms))
    gap = float((lower_edge - upper_edge)[:, 1].max())
    if gap > VISIBLE_GAP:
        _draw_inside(patch, upper_edge, lower_edge, parts, pose, local)
    field = parts.field
    upper_sheet, lower_sheet = field.displacement(terms)
    start = start_places(region, step, frame, field.chart, pose.inverse, pose.shift)
    guess = field.guess(terms)
    # Beyond the corners the line of the seam goes on level, and tilts with the head.
    slack = 1.0 + BAND * frame.gain * abs(float(pose.linear[0, 1]))

    def lip(layer: Layer, sheet: FloatArray, top: float, bottom: float) -> None:
        first = max(int((top - slack) // step) * step, 0)
        last = min(int(-(-(bottom + slack) // step)) * step, region.height)
        if first >= last:
            return
        part = Rect(region.x, region.y + first, region.width, last - first)
        places = invert(sheet, part_of(start, region, part, step), guess)
        chart = parts.layer_chart.moved(layer.x, layer.y)
        over(patch[first:last], sample(layer.pixels, chart, places, field.chart, step))

    lip(parts.lower, lower_sheet, float(lower_edge[:, 1].min()), region.height)
    rolled = float(pose.offsets[K.UPPER_INNER, 2] - pose.offsets[K.LOWER_INNER, 2]) / ROLLED
    if rolled > 0:
        share = min(rolled, 1.0)
        teeth = _placed(parts.upper_teeth, parts, pose, local, patch.shape, 0.0, BARED * share)
        bitten = lower_edge + _arc(len(lower_edge)) * (BITE * frame.gain * share)
        shade = np.full(patch.shape, BITE_SHADE, np.uint8)
        drop = np.array((0.0, 0.4 * SHADE * frame.gain), np.float32)
        over(patch, masked(shade, _polygon(upper_edge, bitten + drop, patch.shape)))
        over(patch, masked(teeth, _polygon(upper_edge, bitten, patch.shape)))
    lip(parts.upper, upper_sheet, 0.0, float(upper_edge[:, 1].max()))


def _region(parts: MouthParts, pose: Pose, frame: Chart, rect: Rect, step: int) -> Rect:
    """The driven mouth and the skin around it, in whole steps from the corner of ``rect``."""
    places = parts.lips @ pose.projection[:3] + pose.shift
    places += pose.scale * pose.offsets[: len(parts.lips), :2]
    (left, top), (right, bottom) = places.min(0).tolist(), places.max(0).tolist()
    local = frame.moved(rect.x, rect.y)
    x0 = int(((left - BAND) * frame.gain + local.x) // step) * step
    y0 = int(((top - BAND) * frame.gain + local.y) // step) * step
    x1 = int(-(-((right + BAND) * frame.gain + local.x) // step)) * step
    y1 = int(-(-((bottom + BAND) * frame.gain + local.y) // step)) * step
    inside = Rect(x0, y0, x1 - x0, y1 - y0).within(rect.width, rect.height)
    return Rect(inside.x + rect.x, inside.y + rect.y, inside.width, inside.height)


def _draw_inside(
    patch: ImageArray,
    upper_edge: FloatArray,
    lower_edge: FloatArray,
    parts: MouthParts,
    pose: Pose,
    local: Chart,
) -> None:
    """Cavity, tongue and teeth between the edges of the lips."""
    opening = np.concatenate([upper_edge, lower_edge])
    x0, y0 = (int(v) for v in np.floor(opening.min(0)) - 2)
    x1, y1 = (int(v) for v in np.ceil(opening.max(0)) + 3)
    box = Rect(x0, y0, x1 - x0, y1 - y0).within(patch.shape[1], patch.shape[0])
    if box.empty:
        return
    inside = np.empty((box.height, box.width, 4), np.uint8)
    inside[:] = CAVITY
    chart, shape = local.moved(box.x, box.y), inside.shape
    jaw_x, jaw_y = (float(v) for v in pose.offsets[K.JAW, :2])
    _, tongue_y, tongue_z = (float(v) for v in pose.offsets[K.TONGUE])
    tongue = _placed(parts.tongue, parts, pose, chart, shape, 0.7 * jaw_x, 0.7 * jaw_y + tongue_y)
    lower_teeth = _placed(parts.lower_teeth, parts, pose, chart, shape, jaw_x, 0.92 * jaw_y)
    for layer in (lower_teeth, tongue) if tongue_z > 0 else (tongue, lower_teeth):
        over(inside, layer)
    over(inside, _placed(parts.upper_teeth, parts, pose, chart, shape, 0.0, 0.0))
    if tongue_z > TONGUE_BEHIND:
        share = (tongue_z - TONGUE_BEHIND) / (TONGUE_BEFORE - TONGUE_BEHIND)
        over(inside, faded(tongue, share))
    corner = np.array((box.x, box.y), np.float32)
    around = np.array((0.0, EDGE), np.float32)
    mask = _polygon(upper_edge - corner - around, lower_edge - corner + around, shape)
    inside = masked(inside, _shade(mask, SHADE * local.gain))
    gap = float((lower_edge - upper_edge)[:, 1].max())
    over(box.cut(patch), masked(faded(inside, gap - VISIBLE_GAP), mask))


def _shade(mask: ImageArray, reach: float) -> ImageArray:
    """Light that the lips leave within ``mask``: it grows over ``reach`` pixels from its edges."""
    width = 2 * round(reach) + 1
    light = cv2.convertScaleAbs(cv2.blur(mask, (width, width)), alpha=1.4)
    light[..., 3] = 255
    return cast(ImageArray, light)


def _placed(
    layer: Layer,
    parts: MouthParts,
    pose: Pose,
    local: Chart,
    shape: tuple[int, ...],
    x: float,
    y: float,
) -> ImageArray:
    """``layer`` in the plane of the teeth, moved by (x, y) canonical units, as [*shape]."""
    # In plain numbers: arrays of two take longer to make than to compute with.
    chart = parts.layer_chart.moved(layer.x, layer.y)
    depth = float(parts.lips[K.UPPER_INNER, 2]) + TOOTH_DEPTH
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
    return placed_pixels(layer.pixels, affine, shape[1], shape[0])


def _arc(count: int) -> FloatArray:
    """Offsets [count, 2] of an arc that hangs between the corners of the mouth, 1 at its middle."""
    along = np.linspace(-1.0, 1.0, count, dtype=np.float32)
    drop = np.maximum(1.0 - (along / 0.85) ** 2, 0.0)
    return np.stack([np.zeros_like(along), drop], 1)


def _polygon(upper: FloatArray, lower: FloatArray, shape: tuple[int, ...]) -> ImageArray:
    """Soft-edged area between two edges [k, 2] in pixels, in four channels [*shape]."""
    mask = np.zeros(shape[:2], np.uint8)
    outline = np.concatenate(
        [upper, np.stack([lower[:, 0], np.maximum(lower[:, 1], upper[:, 1])], 1)[::-1]]
    )
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return alpha_of(mask[..., None])
