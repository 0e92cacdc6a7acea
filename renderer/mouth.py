"""The mouth: two lips on two sheets of the skin, and what shows between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.field import FaceField
from renderer.layer import Layer, Rect
from renderer.pose import Pose
from renderer.raster import faded, over, placed_pixels
from renderer.warp import Chart, invert, sample, start_places

K = Keypoint

CAVITY = (26, 16, 52, 255)
"""Colour of the open mouth behind teeth and tongue, BGRA."""
MARGIN = 0.075
"""Skin around the lips, in canonical units, that is drawn with them."""
TOOTH_DEPTH = -0.035
"""How far the teeth lie behind the lips, in canonical units."""
ROLLED = 0.03
"""Offset in z at which the lower lip lies wholly behind the upper teeth."""
VISIBLE_GAP = 0.3
"""Opening in pixels below which nothing shows between the lips."""


@dataclass(frozen=True, slots=True)
class MouthParts:
    """The mouth of one avatar at one size."""

    upper: Layer
    """Face around the mouth, clear below the seam between the corners."""
    lower: Layer
    """Face around the mouth with the lower lip alone, clear above the seam."""
    upper_teeth: Layer
    lower_teeth: Layer
    tongue: Layer
    lips: FloatArray
    """Canonical keypoints [8, 3] of the lips."""
    seam: FloatArray
    """The seam [k, 2] in canonical units."""
    seam_basis: FloatArray
    """[2 k, 2 len(WARPING) + 1]: the field's basis along the seam, upper sheet then lower."""
    layer_chart: Chart
    """Where pixels of the picture that the layers are cut from lie."""


def cut_lips(
    face: ImageArray, lower_lip: ImageArray, seam: FloatArray
) -> tuple[ImageArray, ImageArray]:
    """The face above and below the slit, from whole pictures and the seam in their pixels."""
    size = len(face)
    rows, columns = np.arange(size)[:, None], np.arange(size)
    pad = size / 100
    line = np.interp(columns, seam[:, 0], seam[:, 1])
    below = np.clip(rows - line + 0.5, 0.0, 1.0)
    between = np.clip(np.minimum(columns - seam[0, 0], seam[-1, 0] - columns), 0.0, 1.0)
    around = np.clip(np.minimum(columns - seam[0, 0], seam[-1, 0] - columns) + pad, 0.0, 1.0)
    low = face.copy()
    over(low, lower_lip)
    upper = face * (1.0 - below * between)[..., None]
    lower = low * (below * around)[..., None]
    return np.rint(upper).astype(np.uint8), np.rint(lower).astype(np.uint8)


def seam_places(parts: MouthParts, pose: Pose, field: FaceField) -> tuple[FloatArray, FloatArray]:
    """The driven edges of the upper and the lower lip, [k, 2] each, in canonical units."""
    moved = parts.seam_basis @ field.coefficients(pose)
    places = (np.concatenate([parts.seam, parts.seam]) + moved) @ pose.linear + pose.shift
    upper, lower = np.split(places, 2)
    return upper, lower


def draw_mouth(
    face: ImageArray,
    rect: Rect,
    parts: MouthParts,
    pose: Pose,
    field: FaceField,
    sheets: FloatArray,
    frame: Chart,
    step: int,
) -> None:
    """Draw lips and what shows between them into ``face``, the warped face that fills ``rect``.

    ``sheets [2, rows, cols, 2]`` is the field's displacement for ``pose``.
    """
    region = _region(parts, pose, frame, rect, step)
    upper_edge, lower_edge = seam_places(parts, pose, field)
    local = frame.moved(region.x, region.y)
    upper, lower = (
        sample(
            layer.pixels,
            parts.layer_chart.moved(layer.x, layer.y),
            invert(
                sheet,
                start_places(region, step, frame, field.chart, pose.inverse, pose.shift),
            ),
            field.chart,
            step,
        )
        for layer, sheet in zip((parts.upper, parts.lower), sheets, strict=True)
    )
    patch = np.zeros_like(upper)
    opening = np.concatenate([local.index(upper_edge), local.index(lower_edge)])
    gap = float((lower_edge - upper_edge)[:, 1].max()) * frame.gain
    if gap > VISIBLE_GAP:
        x0, y0 = np.floor(opening.min(0)).astype(int) - 1
        x1, y1 = np.ceil(opening.max(0)).astype(int) + 2
        box = Rect(int(x0), int(y0), int(x1 - x0), int(y1 - y0)).within(*patch.shape[1::-1])
        _draw_inside(box.cut(patch), local.moved(box.x, box.y), parts, pose)
    over(patch, lower)
    rolled = min(-float(pose.offsets[K.LOWER_INNER, 2]) / ROLLED, 1.0)
    if rolled > 0 and gap > VISIBLE_GAP:
        teeth = _placed(parts.upper_teeth, parts, pose, local, patch.shape, 0.0, 0.0)
        over(patch, faded(teeth, rolled))
    over(patch, upper)
    region_in_face = Rect(region.x - rect.x, region.y - rect.y, region.width, region.height)
    region_in_face.cut(face)[:] = patch


def _region(parts: MouthParts, pose: Pose, frame: Chart, rect: Rect, step: int) -> Rect:
    """The driven mouth and the skin around it, in whole steps from the corner of ``rect``."""
    places = parts.lips[:, :2] @ pose.linear + parts.lips[:, 2:] * pose.parallax + pose.shift
    places = frame.index(places + pose.scale * pose.offsets[: len(parts.lips), :2])
    reach = MARGIN * frame.gain
    x0, y0 = ((places.min(0) - reach - (rect.x, rect.y)) // step).astype(int) * step
    x1, y1 = (-(-(places.max(0) + reach - (rect.x, rect.y)) // step)).astype(int) * step
    inside = Rect(int(x0), int(y0), int(x1 - x0), int(y1 - y0)).within(rect.width, rect.height)
    return Rect(inside.x + rect.x, inside.y + rect.y, inside.width, inside.height)


def _draw_inside(patch: ImageArray, local: Chart, parts: MouthParts, pose: Pose) -> None:
    """Cavity, tongue and teeth."""
    patch[:] = CAVITY
    jaw_x, jaw_y = (float(v) for v in pose.offsets[K.JAW, :2])
    _, tongue_y, tongue_z = (float(v) for v in pose.offsets[K.TONGUE])
    tongue_at = 0.7 * jaw_x, 0.7 * jaw_y + tongue_y
    shape = patch.shape
    over(patch, _placed(parts.tongue, parts, pose, local, shape, *tongue_at))
    over(patch, _placed(parts.lower_teeth, parts, pose, local, shape, jaw_x, 0.92 * jaw_y))
    over(patch, _placed(parts.upper_teeth, parts, pose, local, shape, 0.0, 0.0))
    if tongue_z > 0:
        tip = _placed(parts.tongue, parts, pose, local, shape, *tongue_at)
        over(patch, faded(tip, tongue_z / 0.02))


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
    chart = parts.layer_chart.moved(layer.x, layer.y)
    depth = float(parts.lips[K.UPPER_INNER, 2]) + TOOTH_DEPTH
    moved = np.array((x, y), np.float32) * np.float32(pose.scale)
    shift = np.float32(depth) * pose.parallax + pose.shift + moved
    origin = np.array((chart.x, chart.y), np.float32) / np.float32(chart.gain)
    corner = local.index((shift - origin @ pose.linear).astype(np.float32))
    turn = pose.linear.T * np.float32(local.gain / chart.gain)
    affine = np.concatenate([turn, corner[:, None]], 1)
    return placed_pixels(layer.pixels, affine, shape[1], shape[0])
