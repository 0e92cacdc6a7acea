"""The embedded decoder: motion in, frames of a drawn portrait out, on one CPU thread.

From back to front: the plate (room, hair behind the neck, neck, clothes), the face with its eyes
and mouth, the hair before it. Each is warped by its own field and laid over the last.
"""

from __future__ import annotations

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import MOTION_DIM, FloatArray
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.elastic import SKIN
from renderer.layer import Layer, Rect
from renderer.mouth import draw_mouth
from renderer.pose import Pose, read_pose
from renderer.raster import over
from renderer.warp import invert, sample, start_places

_STILL = np.zeros(2, np.float32)
_IDENTITY = np.eye(2, dtype=np.float32)


class EmbeddedRenderer:
    """Renders :class:`~renderer.avatar.EmbeddedAvatar`. Thread-safe: no state between calls."""

    def render(self, avatar: EmbeddedAvatar, motion: FloatArray) -> ImageArray:
        """I420 frames [n, size * 3 / 2, size] for ``motion [n, 70]`` (BT.601, limited range).

        Raises ValueError if ``motion`` has another shape or is not finite.
        """
        _check(motion)
        frames = np.empty((len(motion), avatar.size * 3 // 2, avatar.size), np.uint8)
        for frame, numbers in zip(frames, motion, strict=True):
            cv2.cvtColor(draw(avatar, read_pose(numbers)), cv2.COLOR_BGRA2YUV_I420, dst=frame)
        return frames

    def render_rgb(self, avatar: EmbeddedAvatar, motion: FloatArray) -> ImageArray:
        """RGB frames [n, size, size, 3] for ``motion [n, 70]``: stills, sheets, files."""
        _check(motion)
        frames = np.empty((len(motion), avatar.size, avatar.size, 3), np.uint8)
        for frame, numbers in zip(frames, motion, strict=True):
            cv2.cvtColor(draw(avatar, read_pose(numbers)), cv2.COLOR_BGRA2RGB, dst=frame)
        return frames


def _check(motion: FloatArray) -> None:
    if motion.ndim != 2 or motion.shape[1] != MOTION_DIM:
        raise ValueError(f"motion must be [n, {MOTION_DIM}], not {list(motion.shape)}")
    if not np.isfinite(motion).all():
        raise ValueError("motion holds a number that is not finite")


def draw(avatar: EmbeddedAvatar, pose: Pose) -> ImageArray:
    """One opaque frame, BGRA [size, size, 4]."""
    frame = draw_plate(avatar, pose)
    draw_face(avatar, pose, frame)
    draw_hair(avatar, pose, frame)
    return frame


def draw_plate(avatar: EmbeddedAvatar, pose: Pose) -> ImageArray:
    """What lies behind the head."""
    field = avatar.plate_field
    displacement = field.displacement(pose)
    frame = avatar.plate.copy()
    for rect in avatar.plate_moving:
        start = start_places(rect, avatar.step, avatar.frame, field.chart, _IDENTITY, _STILL)
        places = invert(displacement, start)
        rect.cut(frame)[:] = sample(avatar.plate, avatar.frame, places, field.chart, avatar.step)
    return frame


def draw_face(avatar: EmbeddedAvatar, pose: Pose, frame: ImageArray) -> None:
    """Face, eyes and mouth over ``frame``."""
    texture = avatar.face.pixels.copy()
    gaze_x, gaze_y, _ = (float(v) for v in pose.offsets[Keypoint.GAZE])
    for eye, lid in zip(avatar.eyes, (Keypoint.LID_LEFT, Keypoint.LID_RIGHT), strict=True):
        eye.draw(texture, float(pose.offsets[lid, 1]), gaze_x, gaze_y)
    field = avatar.face_field
    rect = _driven_rect(avatar, avatar.face, pose, float(pose.offsets[Keypoint.JAW, 1]))
    if rect.empty:
        return
    sheets = field.displacement(pose)
    start = start_places(rect, avatar.step, avatar.frame, field.chart, pose.inverse, pose.shift)
    chart = avatar.frame.moved(avatar.face.x, avatar.face.y)
    face = sample(texture, chart, invert(sheets[SKIN], start), field.chart, avatar.step)
    draw_mouth(
        face, rect, avatar.mouth, pose, field, sheets, avatar.frame, max(avatar.step // 2, 1)
    )
    over(rect.cut(frame), face)


def draw_hair(avatar: EmbeddedAvatar, pose: Pose, frame: ImageArray) -> None:
    """The hair before the face over ``frame``."""
    field = avatar.hair_field
    displacement = field.displacement(pose)
    chart = avatar.frame.moved(avatar.hair.x, avatar.hair.y)
    around = _driven_rect(avatar, avatar.hair, pose, 0.0)
    for rect in _without(around, _driven_hole(avatar, pose)):
        start = start_places(rect, avatar.step, avatar.frame, field.chart, pose.inverse, pose.shift)
        places = invert(displacement, start)
        over(rect.cut(frame), sample(avatar.hair.pixels, chart, places, field.chart, avatar.step))


def _driven_corners(avatar: EmbeddedAvatar, box: Rect, pose: Pose) -> FloatArray:
    """Pixels [2, 2, 2, 2] of a box's corners (depth, left or right, top or bottom)."""
    x = (np.array((box.x, box.x + box.width), np.float32) - avatar.frame.x) / avatar.frame.gain
    y = (np.array((box.y, box.y + box.height), np.float32) - avatar.frame.y) / avatar.frame.gain
    corners = np.stack(np.meshgrid(x, y, indexing="ij"), -1) @ pose.linear + pose.shift
    near, far = 0.3 * pose.parallax, -0.05 * pose.parallax
    return avatar.frame.index(np.stack([corners + near, corners + far]))


def _driven_rect(avatar: EmbeddedAvatar, layer: Layer, pose: Pose, drop: float) -> Rect:
    """Where a layer of the head can show, in whole lattice steps of the frame.

    ``drop`` is how far, in canonical units, the jaw carries its lower edge down.
    """
    step, box = avatar.step, layer.rect
    longer = Rect(box.x, box.y, box.width, box.height + int(max(drop, 0.0) * avatar.frame.gain))
    places = _driven_corners(avatar, longer, pose).reshape(-1, 2)
    low = np.floor((places.min(0) - 4) / step).astype(int) * step
    high = np.ceil((places.max(0) + 4) / step).astype(int) * step
    return Rect(int(low[0]), int(low[1]), *(int(v) for v in high - low)).within(
        avatar.size, avatar.size
    )


def _driven_hole(avatar: EmbeddedAvatar, pose: Pose) -> Rect:
    """Where the hair certainly leaves the face free, in whole lattice steps of the frame."""
    step = avatar.step
    corners = _driven_corners(avatar, avatar.hair_hole, pose)
    left = -(-(float(corners[:, 0, :, 0].max()) + 4) // step) * step
    right = (float(corners[:, 1, :, 0].min()) - 4) // step * step
    top = -(-(float(corners[:, :, 0, 1].max()) + 4) // step) * step
    return Rect(int(left), int(top), int(right - left), avatar.size - int(top))


def _without(rect: Rect, hole: Rect) -> list[Rect]:
    """``rect`` less a ``hole`` that reaches its lower edge: above, left and right of it."""
    if hole.empty:
        return [rect]
    bottom = rect.y + rect.height
    left, right = hole.x, hole.x + hole.width
    parts = [
        Rect(rect.x, rect.y, rect.width, hole.y - rect.y),
        Rect(rect.x, hole.y, left - rect.x, bottom - hole.y),
        Rect(right, hole.y, rect.x + rect.width - right, bottom - hole.y),
    ]
    return [part for part in parts if not part.empty]
