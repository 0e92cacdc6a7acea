"""The figures of the lip sync benchmark mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.face_metrics import (
    blinks_per_minute,
    closed_share,
    diversity,
    join_jump_ratio,
    theval,
)
from benchmarks.lipsync_metrics import Take, bilabial_recall, lip_metrics, spoken
from benchmarks.lipsync_speech import through_opus
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import EXP, FloatArray, expression, neutral_motion
from motion.training.coarticulation import mouth_motion
from motion.training.phonemes import Utterance
from tests.voices import utterance_of


@pytest.fixture(scope="module")
def utterance() -> Utterance:
    text = "My papa made a big pot of bean soup for the baby, and it was good to eat with bread."
    return utterance_of(text)


@pytest.fixture(scope="module")
def truth(utterance: Utterance) -> FloatArray:
    motion = neutral_motion(len(utterance.speech) // 640)
    motion[:, EXP] = mouth_motion(utterance, len(motion))
    return motion


def late(truth: FloatArray, frames: int) -> FloatArray:
    return np.concatenate([np.repeat(truth[:1], frames, axis=0), truth[:-frames]])


def test_truth_scores_full_marks(utterance: Utterance, truth: FloatArray) -> None:
    figures = lip_metrics([Take(utterance, truth, truth)])
    assert figures["opening_corr"] == pytest.approx(1.0)
    assert figures["bilabial_closed"] == 1.0
    assert figures["lag_ms"] == 0.0
    assert figures["opening_gain"] == pytest.approx(1.0)


def test_late_lips_are_seen_as_late(utterance: Utterance, truth: FloatArray) -> None:
    scores = [lip_metrics([Take(utterance, truth, late(truth, n))]) for n in (1, 2, 3)]
    assert [s["lag_ms"] for s in scores] == [40.0, 80.0, 120.0]
    correlations = [s["opening_corr"] for s in scores]
    assert correlations == sorted(correlations, reverse=True)
    assert correlations[0] < 0.9


def test_lips_that_never_move_or_never_open_close_no_bilabial(
    utterance: Utterance, truth: FloatArray
) -> None:
    still = neutral_motion(len(truth))
    # Equal everywhere: no threshold tells closures from the rest better than chance.
    assert bilabial_recall([Take(utterance, truth, still)]) == pytest.approx(0.05, abs=0.01)
    assert lip_metrics([Take(utterance, truth, still)])["opening_corr"] == 0.0


def test_blinks_are_counted_once_each() -> None:
    motion = neutral_motion(25 * 60)
    for start in (100, 400, 900):
        expression(motion)[start : start + 4, [Keypoint.LID_LEFT, Keypoint.LID_RIGHT], 1] = (
            LID_TRAVEL
        )
    assert blinks_per_minute(motion) == pytest.approx(3.0)


def test_closed_share_and_joins() -> None:
    motion = neutral_motion(100)
    expression(motion)[:25, Keypoint.LOWER_INNER, 1] = 0.05
    assert closed_share(motion) == 0.75
    random = np.random.default_rng(0)
    smooth = np.cumsum(random.standard_normal((400, 70)), axis=0).astype(np.float32)
    assert join_jump_ratio(smooth, 4) == pytest.approx(1.0, abs=0.1)
    jumpy = smooth + np.repeat(random.standard_normal((100, 70)) * 5, 4, axis=0).astype(np.float32)
    assert join_jump_ratio(jumpy, 4) > 2.0


def test_the_network_free_theval_tells_lively_lips_from_restless_ones(
    utterance: Utterance, truth: FloatArray
) -> None:
    speech = np.concatenate([np.zeros(16_000, np.float32), utterance.speech])[: len(truth) * 640]
    inside = np.roll(spoken(utterance, len(truth)), 25)
    inside[:25] = False
    shifted = late(truth, 25)
    figures = theval(shifted, speech, inside)
    restless = shifted.copy()
    noise = 0.02 * np.random.default_rng(0).standard_normal(25)
    expression(restless)[:25, Keypoint.LOWER_INNER, 1] += noise.astype(np.float32)
    assert figures["lip_sync"] > 0.2
    assert theval(restless, speech, inside)["silent_lips"] > figures["silent_lips"] + 0.3


def test_diversity_is_none_between_equal_takes(truth: FloatArray) -> None:
    moving = truth.copy()
    moving[:, 67:] = np.random.default_rng(0).standard_normal((len(truth), 3))
    other = moving.copy()
    other[:, 67:] = np.random.default_rng(1).standard_normal((len(truth), 3))
    assert diversity([moving, moving])["head"] == 0.0
    assert diversity([moving, other])["head"] > 0.3
    assert diversity([moving, other])["mouth"] == 0.0


def test_the_codec_keeps_speech_in_its_place(utterance: Utterance) -> None:
    heard = through_opus(utterance.speech)
    assert len(heard) == len(utterance.speech)
    assert 0.5 < np.corrcoef(heard, utterance.speech)[0, 1] < 0.9999
