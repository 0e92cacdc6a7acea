"""Whole frames: layout, purity, depth, what stays still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

from motion.keypoints import Keypoint
from motion.layout import TRANSLATION, neutral_motion
from renderer import outline
from renderer.decoder import EmbeddedRenderer
from renderer.layer import Layer
from renderer.shapes import motion_of
from tests.embedded_face import GREEN, blank, greenness, mira, natural_motions

K = Keypoint
RENDERER = EmbeddedRenderer()


@pytest.mark.parametrize("size", [256, 512, 768])
def test_frames_are_i420_of_the_prepared_size(size: int) -> None:
    frames = RENDERER.render(mira(size), neutral_motion(2))
    assert frames.shape == (2, size * 3 // 2, size)
    assert frames.dtype == np.uint8
    assert 16 <= frames.min() <= frames.max() <= 240


def test_i420_planes_are_bt601_of_the_rgb_frame() -> None:
    avatar = mira()
    motion = natural_motions(1, seed=5)
    frame = RENDERER.render(avatar, motion)[0]
    red, green, blue = np.moveaxis(RENDERER.render_rgb(avatar, motion)[0].astype(float), -1, 0)
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    blue_difference = 128 + (-37.797 * red - 74.203 * green + 112 * blue) / 255
    red_difference = 128 + (112 * red - 93.786 * green - 18.214 * blue) / 255
    size, half = avatar.size, avatar.size // 2
    np.testing.assert_allclose(frame[:size], luma, atol=1.5)
    planes = frame[size:].reshape(2, half, half)
    for plane, expected in zip(planes, (blue_difference, red_difference), strict=True):
        blocks = expected.reshape(half, 2, half, 2)
        low, high = blocks.min((1, 3)), blocks.max((1, 3))
        assert np.all(plane > low - 2)
        assert np.all(plane < high + 2)


def test_batch_equals_one_by_one() -> None:
    avatar = mira()
    motion = natural_motions(6)
    one_by_one = np.concatenate([RENDERER.render(avatar, frame[None]) for frame in motion])
    np.testing.assert_array_equal(RENDERER.render(avatar, motion), one_by_one)


def test_no_frames_of_no_motion() -> None:
    assert RENDERER.render(mira(), neutral_motion(0)).shape == (0, 768, 512)


def test_threads_share_an_avatar() -> None:
    avatar = mira()
    motion = natural_motions(12, seed=2)
    expected = RENDERER.render(avatar, motion)
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda m: RENDERER.render(avatar, m[None])[0], motion))
    np.testing.assert_array_equal(np.stack(frames), expected)


def test_rendering_changes_neither_avatar_nor_motion() -> None:
    avatar = mira()
    motion = natural_motions(3)
    before = motion.copy(), avatar.face.pixels.copy(), avatar.plate.copy()
    RENDERER.render(avatar, motion)
    for old, new in zip(before, (motion, avatar.face.pixels, avatar.plate), strict=True):
        np.testing.assert_array_equal(old, new)


def test_nose_moves_more_than_ears_when_the_head_turns() -> None:
    avatar = mira()
    pixels = avatar.face.pixels.copy()
    x, y = avatar.frame.index(avatar.canonical[K.NOSE, :2])
    marks = {"nose": (x, y), "ear": (avatar.face.x + 8, y)}
    moved = {}
    for name, (column, row) in marks.items():
        face = pixels.copy()
        i, j = round(row) - avatar.face.y, round(column) - avatar.face.x
        face[i - 2 : i + 3, j - 2 : j + 3] = GREEN
        marked = replace(
            avatar, face=Layer(face, avatar.face.x, avatar.face.y), hair=blank(avatar.hair)
        )
        motions = np.concatenate([motion_of({}), motion_of({}, yaw=12.0)])
        places = []
        for frame in RENDERER.render_rgb(marked, motions):
            weights = greenness(frame).sum(0)
            places.append(float((weights * np.arange(avatar.size)).sum() / weights.sum()))
        moved[name] = places[1] - places[0]
    assert moved["nose"] > 12
    assert moved["nose"] > 2 * abs(moved["ear"])


def test_background_stays_still() -> None:
    avatar = mira()
    rest = RENDERER.render_rgb(avatar, neutral_motion(1))[0]
    for frame in RENDERER.render_rgb(avatar, natural_motions(8, seed=4)):
        for corner in (
            np.s_[:40, :40],
            np.s_[:40, -40:],
            np.s_[150:300, :50],
            np.s_[150:300, -50:],
        ):
            np.testing.assert_array_equal(frame[corner], rest[corner])


def test_torso_takes_half_of_the_translation_and_no_rotation() -> None:
    avatar = mira()
    turned, shifted = motion_of({}, yaw=10.0), neutral_motion(1)
    shifted[0, TRANSLATION] = (0.0, 8 / avatar.frame.gain, 0.0)
    chest = np.s_[470:500, 200:312]
    frames = RENDERER.render_rgb(avatar, np.concatenate([neutral_motion(1), turned, shifted]))
    np.testing.assert_array_equal(frames[1][chest], frames[0][chest])
    difference = frames[2][474:500, 200:312].astype(int) - frames[0][470:496, 200:312]
    assert np.abs(difference).max() <= 2


def test_nothing_dark_comes_in_from_below_when_shoulders_rise() -> None:
    avatar = mira()
    raised = neutral_motion(1)
    raised[0, TRANSLATION] = (0.0, -0.03, 0.0)
    rest, frame = RENDERER.render_rgb(avatar, np.concatenate([neutral_motion(1), raised]))
    difference = frame[-1].astype(int) - rest[-1]
    assert difference.min() > -40


def test_head_keeps_its_hair_without_holes() -> None:
    """No pixel of the head shows what is behind it: a green room must not shine through."""
    avatar = mira()
    plate = avatar.plate.copy()
    plate[:240] = GREEN
    for frame in RENDERER.render_rgb(replace(avatar, plate=plate), natural_motions(20, seed=6)):
        head = (greenness(frame) < 0.5).astype(np.uint8)
        holes = cv2.connectedComponents(1 - head[:230])[0] - 2
        assert holes == 0


def test_nothing_shows_outside_of_the_driven_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    motion = natural_motions(20, seed=7)
    frames = RENDERER.render_rgb(mira(), motion)
    monkeypatch.setattr(outline, "ROOM", 40)
    roomy = RENDERER.render_rgb(mira(), motion)
    assert np.abs(frames.astype(int) - roomy).max() <= 8


@pytest.mark.parametrize("shape", [(70,), (2, 69), (1, 2, 70)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="70"):
        RENDERER.render(mira(), np.zeros(shape, np.float32))


def test_motion_that_is_not_finite_is_refused() -> None:
    motion = neutral_motion(2)
    motion[1, 3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        RENDERER.render(mira(), motion)


def test_extreme_motion_still_gives_a_frame() -> None:
    motion = neutral_motion(1)
    motion[0, 64:66] = 5.0
    assert RENDERER.render(mira(), motion).shape == (1, 768, 512)


def test_a_head_may_leave_the_picture() -> None:
    motion = neutral_motion(60)
    motion[:, TRANSLATION] = np.random.default_rng(0).normal(0.0, 3.0, (60, 3))
    assert RENDERER.render(mira(256), motion).shape == (60, 384, 256)
