"""Speakers made of recorded ones by the WORLD vocoder."""

from __future__ import annotations

import numpy as np
import pytest

from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from motion.training.phonemes import Utterance
from motion.training.vocoder import revoice
from tests.voices import utterance_of

world = pytest.importorskip(
    "pyworld", reason="makes the corpus only: pip install '.[corpus]'", exc_type=ImportError
)


@pytest.fixture(scope="module")
def utterance() -> Utterance:
    return utterance_of("my baby brother met a happy fellow", "en-us")


def _pitch(speech: FloatArray) -> float:
    """Median pitch in Hz."""
    f0, _ = world.dio(speech.astype(np.float64), SPEECH_RATE)
    return float(np.median(f0[f0 > 0.0]))


def _loudness(speech: FloatArray) -> FloatArray:
    frames = speech[: len(speech) // 640 * 640].reshape(-1, 640)
    loudness: FloatArray = np.log(frames.std(axis=1) + 1e-3)
    return loudness


def test_speakers_differ_and_a_seed_repeats_one(utterance: Utterance) -> None:
    speakers = [revoice(utterance, np.random.default_rng(seed)) for seed in range(6)]
    pitches = [_pitch(speaker.speech) for speaker in speakers]
    assert max(pitches) > 1.5 * min(pitches)
    again = revoice(utterance, np.random.default_rng(3))
    np.testing.assert_array_equal(again.speech, speakers[3].speech)


def test_what_is_said_stays_where_it_was_and_as_loud(utterance: Utterance) -> None:
    for seed in range(4):
        speaker = revoice(utterance, np.random.default_rng(seed))
        assert speaker.segments == utterance.segments
        assert len(speaker.speech) == len(utterance.speech)
        assert speaker.speech.std() == pytest.approx(utterance.speech.std(), rel=1e-3)
        alike = np.corrcoef(_loudness(speaker.speech), _loudness(utterance.speech))[0, 1]
        assert alike > 0.8
