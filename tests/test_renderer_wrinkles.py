"""Folds that expressions lay on the skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from motion.contract import Controls, Emotion
from motion.emotion import emotion_offsets
from motion.keypoints import Keypoint
from motion.layout import FloatArray, expression, neutral_motion
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer
from renderer.shapes import mouth_motion
from renderer.wrinkles import Wrinkles
from tests.embedded_face import mira

K = Keypoint


def wrinkled(motion: FloatArray) -> ImageArray:
    """Change of the rendered frame by wrinkles, int [size, size, 3]."""
    avatar = mira()
    plain = Wrinkles(avatar.wrinkles.follow[:0], avatar.wrinkles.late[:0], [])
    with_them, without = (
        EmbeddedRenderer().render_rgb(a, motion)[0].astype(int)
        for a in (avatar, replace(avatar, wrinkles=plain))
    )
    change: ImageArray = with_them - without
    return change


def felt(emotion: Emotion, intensity: float = 1.0) -> FloatArray:
    return neutral_motion(1) + emotion_offsets(Controls(emotion, intensity))


@pytest.mark.parametrize("name", ["rest", "m b p", "oo", "f v"])
def test_a_calm_face_has_none(name: str) -> None:
    assert np.abs(wrinkled(mouth_motion(name))).max() <= 3


@pytest.mark.parametrize("emotion", ["anger", "disgust", "fear", "happiness", "surprise"])
def test_emotions_deepen_them(emotion: Emotion) -> None:
    half, full = (-wrinkled(felt(emotion, share)).sum() for share in (0.5, 1.0))
    assert full > 1.5 * max(half, 1000)


def test_one_sided_smile_folds_one_cheek() -> None:
    change = np.abs(wrinkled(felt("contempt"))).sum(-1)
    middle = change.shape[1] // 2
    lower = slice(240, 330)
    assert change[lower, middle + 30 :].sum() > 10 * change[lower, : middle - 30].sum()


def test_strengths_stay_in_range() -> None:
    offsets = expression(neutral_motion(1))[0]
    for key in Keypoint:
        for value in (-10.0, 10.0):
            moved = offsets.copy()
            moved[key] = value
            strengths = mira().wrinkles.strengths(moved)
            assert 0.0 <= min(strengths) <= max(strengths) <= 1.0
