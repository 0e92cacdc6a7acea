"""The face's field: exact at the keypoints, and without folds."""

from __future__ import annotations

import numpy as np
import pytest

from motion.keypoints import Keypoint
from motion.layout import FloatArray, drive
from renderer.avatar import EmbeddedAvatar
from renderer.elastic import LOWER, SKIN, UPPER
from renderer.field import face_terms
from renderer.layer import Rect
from renderer.lips import BAND, FADE
from renderer.pose import Pose, read_pose
from renderer.raster import enlarged
from renderer.rig import WARPING
from renderer.warp import invert, start_places
from tests.embedded_face import mira, natural_motions

K = Keypoint
LIPS = {K.UPPER_INNER, K.UPPER_LEFT, K.UPPER_RIGHT, K.UPPER_OUTER, K.MOUTH_LEFT, K.MOUTH_RIGHT}


def source_map(avatar: EmbeddedAvatar, pose: Pose, sheet: int, step: int) -> FloatArray:
    """Canonical place [size, size, 2] that each pixel of a frame shows."""
    field = avatar.face_field if sheet == SKIN else avatar.mouth.lips.field
    rect = Rect(0, 0, avatar.size, avatar.size)
    start = start_places(rect, step, avatar.frame, field.chart, pose.inverse, pose.shift)
    terms = face_terms(pose)
    nodes = invert(field.displacement(terms)[max(sheet - UPPER, 0)], start, field.guess(terms))
    places = np.moveaxis(enlarged(nodes, step), 0, -1)
    origin = np.array((field.chart.x, field.chart.y), np.float32)
    shown: FloatArray = (places - origin) / np.float32(field.chart.gain)
    return shown


def at(values: FloatArray, x: float, y: float) -> FloatArray:
    i, j = int(y), int(x)
    v, u = y - i, x - j
    top = (1 - u) * values[i, j] + u * values[i, j + 1]
    bottom = (1 - u) * values[i + 1, j] + u * values[i + 1, j + 1]
    mixed: FloatArray = (1 - v) * top + v * bottom
    return mixed


def sheet_and_step(avatar: EmbeddedAvatar, key: Keypoint) -> tuple[int, int]:
    """How the decoder maps the skin around a keypoint."""
    if key in (K.LOWER_INNER, K.LOWER_OUTER):
        return LOWER, avatar.mouth_step
    return (UPPER, avatar.mouth_step) if key in LIPS else (SKIN, avatar.face_step)


@pytest.mark.parametrize("key", WARPING, ids=lambda key: key.name)
def test_commanded_place_shows_the_keypoint(key: Keypoint) -> None:
    avatar = mira()
    sheet, step = sheet_and_step(avatar, key)
    errors = []
    for motion in natural_motions(25, seed=int(key)):
        x, y = avatar.frame.index(drive(avatar.canonical, motion[None])[0, key, :2])
        shown = at(source_map(avatar, read_pose(motion), sheet, step), float(x), float(y))
        errors.append(np.abs(shown - avatar.canonical[key, :2]).max() * avatar.frame.gain)
    assert max(errors) < 1.0
    assert np.median(errors) < 0.3


def test_rest_is_the_portrait_itself() -> None:
    avatar = mira()
    motion = natural_motions(1)[0] * 0
    motion[63] = 1.0
    shown = avatar.frame.index(source_map(avatar, read_pose(motion), SKIN, avatar.face_step))
    rows, columns = np.mgrid[: avatar.size, : avatar.size]
    np.testing.assert_allclose(shown[..., 0], columns, atol=0.01)
    np.testing.assert_allclose(shown[..., 1], rows, atol=0.01)


def test_no_folds_in_natural_motion() -> None:
    """The area that a pixel shows stays positive on the face, but where lips are drawn over it."""
    avatar = mira()
    box = avatar.face.rect
    rows, columns = np.mgrid[: avatar.size - 1, : avatar.size - 1]
    for motion in natural_motions(60, seed=3):
        pose = read_pose(motion)
        shown = avatar.frame.index(source_map(avatar, pose, SKIN, avatar.face_step))
        dx, dy = np.diff(shown, axis=1)[:-1], np.diff(shown, axis=0)[:, :-1]
        area = dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0]
        x, y = np.moveaxis(shown[:-1, :-1], -1, 0)
        on_face = (x > box.x) & (x < box.x + box.width) & (y > box.y) & (y < box.y + box.height)
        edges = np.concatenate(avatar.mouth.lips.edges(pose, face_terms(pose)))
        reach = (BAND - FADE) * avatar.frame.gain
        (left, top), (right, bottom) = (
            avatar.frame.index(edges.min(0)) - reach,
            avatar.frame.index(edges.max(0)) + reach,
        )
        lips = (columns > left) & (columns < right) & (rows > top) & (rows < bottom)
        assert area[on_face & ~lips].min() > 0.1
