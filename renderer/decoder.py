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
from renderer.field import face_terms
from renderer.layer import Layer, Rect
from renderer.mouth import draw_mouth
from renderer.pose import Pose, read_pose
from renderer.raster import over
from renderer.warp import invert, sample, start_places

_STILL = np.zeros(2, np.float32)
_DEPTHS = (-0.05, 0.3)
"""Range of depth in a head, in canonical units."""
_ROOM = 4
"""Pixels around a driven layer for what its corners do not tell."""


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
    for rect, start in zip(avatar.plate_moving, avatar.plate_lattices, strict=True):
        places = invert(displacement, start, _STILL)
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
    terms = face_terms(pose)
    step = avatar.face_step
    start = start_places(rect, step, avatar.frame, field.chart, pose.inverse, pose.shift)
    chart = avatar.frame.moved(avatar.face.x, avatar.face.y)
    places = invert(field.displacement(terms)[0], start, field.guess(pose))
    face = sample(texture, chart, places, field.chart, step)
    draw_mouth(face, rect, avatar.mouth, pose, terms, avatar.frame, avatar.mouth_step)
    over(rect.cut(frame), face)


def draw_hair(avatar: EmbeddedAvatar, pose: Pose, frame: ImageArray) -> None:
    """The hair before the face over ``frame``."""
    field, step = avatar.hair_field, avatar.step
    around = _driven_rect(avatar, avatar.hair, pose, 0.0)
    if around.empty:
        return
    start = start_places(around, step, avatar.frame, field.chart, pose.inverse, pose.shift)
    places = invert(field.displacement(pose), start, _STILL)
    chart = avatar.frame.moved(avatar.hair.x, avatar.hair.y)
    for rect in _without(around, _driven_hole(avatar, pose)):
        row, column = (rect.y - around.y) // step, (rect.x - around.x) // step
        part = places[row : row + rect.height // step + 2, column : column + rect.width // step + 2]
        over(rect.cut(frame), sample(avatar.hair.pixels, chart, part, field.chart, step))


def _driven_corners(avatar: EmbeddedAvatar, box: Rect, pose: Pose) -> list[tuple[float, float]]:
    """Pixels of a box's corners near and far: top left, top right, bottom left, bottom right."""
    frame = avatar.frame
    (a, b), (c, d) = pose.linear.tolist()
    (shift_x, shift_y), (depth_x, depth_y) = pose.shift.tolist(), pose.parallax.tolist()
    corners = []
    for pixel_y in (box.y, box.y + box.height):
        for pixel_x in (box.x, box.x + box.width):
            x, y = (pixel_x - frame.x) / frame.gain, (pixel_y - frame.y) / frame.gain
            moved_x, moved_y = x * a + y * c + shift_x, x * b + y * d + shift_y
            corners += [
                (
                    (moved_x + depth * depth_x) * frame.gain + frame.x,
                    (moved_y + depth * depth_y) * frame.gain + frame.y,
                )
                for depth in _DEPTHS
            ]
    return corners


def _driven_rect(avatar: EmbeddedAvatar, layer: Layer, pose: Pose, drop: float) -> Rect:
    """Where a layer of the head can show, in whole lattice steps of the frame.

    ``drop`` is how far, in canonical units, the jaw carries its lower edge down.
    """
    step, box = avatar.step, layer.rect
    longer = Rect(box.x, box.y, box.width, box.height + int(max(drop, 0.0) * avatar.frame.gain))
    x, y = zip(*_driven_corners(avatar, longer, pose), strict=True)
    left, top = (int((min(v) - _ROOM) // step) * step for v in (x, y))
    right, bottom = (
        int(-(-(max(x) + _ROOM) // step)) * step,
        int(-(-(max(y) + _ROOM) // step)) * step,
    )
    return Rect(left, top, right - left, bottom - top).within(avatar.size, avatar.size)


def _driven_hole(avatar: EmbeddedAvatar, pose: Pose) -> Rect:
    """Where the hair certainly leaves the face free, in whole lattice steps of the frame."""
    step = avatar.step
    corners = _driven_corners(avatar, avatar.hair_hole, pose)
    top_left, top_right, bottom_left, bottom_right = (corners[i : i + 2] for i in range(0, 8, 2))
    left = max(x for x, _ in top_left + bottom_left) + _ROOM
    right = min(x for x, _ in top_right + bottom_right) - _ROOM
    top = max(y for _, y in top_left + top_right) + _ROOM
    x0, x1, y0 = (
        int(-(-left // step)) * step,
        int(right // step) * step,
        int(-(-top // step)) * step,
    )
    return Rect(x0, y0, x1 - x0, avatar.size - y0)


def _without(rect: Rect, hole: Rect) -> list[Rect]:
    """``rect`` less a ``hole`` that reaches its lower edge: above, left and right of it."""
    if rect.empty or hole.empty:
        return [] if rect.empty else [rect]
    bottom = rect.y + rect.height
    left, right = hole.x, hole.x + hole.width
    parts = [
        Rect(rect.x, rect.y, rect.width, hole.y - rect.y),
        Rect(rect.x, hole.y, left - rect.x, bottom - hole.y),
        Rect(right, hole.y, rect.x + rect.width - right, bottom - hole.y),
    ]
    return [part for part in parts if not part.empty]
