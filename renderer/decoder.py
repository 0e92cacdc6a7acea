"""The embedded decoder: renders frames of a layered portrait from motion, on one CPU thread.

The layers are, from back to front: the plate (room, hair behind the neck, neck, clothes), the face
with eyes and mouth, and the hair before it. Each is warped by its own field and blended over the
ones behind it.
"""

from __future__ import annotations

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import MOTION_DIM, FloatArray
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray, Renderer
from renderer.field import face_terms
from renderer.layer import Rect
from renderer.mouth import draw_mouth
from renderer.outline import rect_around
from renderer.pose import Pose, read_pose
from renderer.raster import enlarged, over, sampled_backdrop, sampled_pixels
from renderer.warp import invert, pixel_places, start_places

_STILL = np.zeros(2, np.float32)


class EmbeddedRenderer(Renderer[EmbeddedAvatar]):
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
    frame = avatar.plate.copy()
    for part, field in avatar.plate_fields:
        x, y = enlarged(field.places(pose), avatar.step)
        sampled_backdrop(avatar.plate, x, y, part.cut(frame))
    return frame


def draw_face(avatar: EmbeddedAvatar, pose: Pose, frame: ImageArray) -> None:
    """Face, eyes and mouth over ``frame``."""
    texture = avatar.face.pixels.copy()
    avatar.wrinkles.draw(texture, pose.offsets)
    gaze_x, gaze_y, _ = (float(v) for v in pose.offsets[Keypoint.GAZE])
    left, right = (float(pose.offsets[k, 1]) for k in (Keypoint.LID_LEFT, Keypoint.LID_RIGHT))
    avatar.eyes.draw(texture, (left, right), gaze_x, gaze_y)
    field = avatar.face_field
    terms = face_terms(pose)
    edge = avatar.face_outline.driven(pose, terms)
    step = avatar.face_step
    rect = rect_around(edge, avatar.frame, step, avatar.size)
    if rect.empty:
        return
    start = start_places(rect, step, avatar.frame, field.chart, pose.inverse, pose.shift)
    chart = avatar.frame.moved(avatar.face.x, avatar.face.y)
    places = invert(field.displacement(terms)[0], start, field.guess(terms))
    face = sampled_pixels(texture, *pixel_places(places, field.chart, chart, step))
    over(rect.cut(frame), face)
    draw_mouth(frame, avatar.mouth, pose, terms, avatar.frame, avatar.mouth_step)


def draw_hair(avatar: EmbeddedAvatar, pose: Pose, frame: ImageArray) -> None:
    """The hair before the face over ``frame``."""
    field, step = avatar.hair_field, avatar.step
    edges = avatar.hair_outline.driven(pose)
    around = rect_around(edges, avatar.frame, step, avatar.size)
    if around.empty:
        return
    start = start_places(around, step, avatar.frame, field.chart, pose.inverse, pose.shift)
    places = invert(field.displacement(pose), start, _STILL)
    chart = avatar.frame.moved(avatar.hair.x, avatar.hair.y)
    x, y = pixel_places(places, field.chart, chart, step)
    hole = avatar.hair_outline.driven_hole(edges, avatar.frame, step, avatar.size)
    for rect in _without(around, hole):
        part = rect.moved(around.x, around.y)
        over(rect.cut(frame), sampled_pixels(avatar.hair.pixels, part.cut(x), part.cut(y)))


def _without(rect: Rect, hole: Rect) -> list[Rect]:
    """``rect`` less a ``hole`` that reaches its lower edge: above, left and right of it."""
    if rect.empty or hole.empty:
        return [] if rect.empty else [rect]
    # When the head leaves the picture, the hole may lie outside of the remaining rectangle.
    bottom, end = rect.y + rect.height, rect.x + rect.width
    top = min(max(hole.y, rect.y), bottom)
    left, right = (min(max(x, rect.x), end) for x in (hole.x, hole.x + hole.width))
    parts = [
        Rect(rect.x, rect.y, rect.width, top - rect.y),
        Rect(rect.x, top, left - rect.x, bottom - top),
        Rect(right, top, end - right, bottom - top),
    ]
    return [part for part in parts if not part.empty]
