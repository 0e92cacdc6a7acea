"""What the model that ships does with a voice that it never heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from motion.contract import SAMPLES_PER_FRAME, Controls, Emotion, MotionGenerator
from motion.emotion import emotion_offsets
from motion.features import LogMelFeatures
from motion.generator import BUILT_IN, CausalMoDA, Sampling
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import (
    EXP,
    FPS,
    PITCH,
    ROLL,
    TRANSLATION,
    YAW,
    FloatArray,
    expression,
    neutral_motion,
)
from motion.limits import motion_limits
from motion.moda.causal import mouth_dimensions
from motion.training.coarticulation import mouth_motion, speaking
from motion.training.corpus import assemble
from motion.training.phonemes import Utterance
from motion.yardstick import Yardstick
from tests.voices import utterance_of

TEXT = "My papa made a big pot of bean soup for the baby, and it was good to eat with warm bread."


@dataclass(frozen=True)
class Face:
    canonical: FloatArray = field(default_factory=lambda: np.zeros((21, 3), np.float32))


@pytest.fixture(scope="module")
def moda() -> CausalMoDA:
    return CausalMoDA.load()


@pytest.fixture(scope="module")
def utterance() -> Utterance:
    """Scottish English in a timbre that is held out, with a second of silence around it."""
    said = utterance_of(TEXT, "en-gb-scotland+f5")
    seconds = len(said.speech) / 16_000 + 2.0
    return assemble([said], seconds, np.random.default_rng(0), lead=1.0)


@pytest.fixture(scope="module")
def features(utterance: Utterance) -> FloatArray:
    return features_of(utterance.speech)


def features_of(speech: FloatArray) -> FloatArray:
    rows, _ = LogMelFeatures().step(LogMelFeatures().init_state(), speech)
    return rows


def move(
    generator: MotionGenerator[Any], features: FloatArray, chunk: int, controls: Controls
) -> FloatArray:
    state = generator.init_state(Face())
    parts = []
    for at in range(0, len(features), chunk):
        end = min(at + chunk, len(features))
        ahead = features[end : end + generator.lookahead]
        part, (*_, state) = generator.step(state, features[at:end], ahead, controls)
        parts.append(part)
    return np.concatenate(parts)


def opening(motion: FloatArray) -> FloatArray:
    face = expression(motion)
    gap: FloatArray = face[:, Keypoint.LOWER_INNER, 1] - face[:, Keypoint.UPPER_INNER, 1]
    return gap


def test_lips_follow_an_unheard_voice_better_than_the_yardstick(
    moda: CausalMoDA, utterance: Utterance, features: FloatArray
) -> None:
    n = len(features)
    truth = np.zeros((n, 70), np.float32)
    truth[:, EXP] = mouth_motion(utterance, n)
    voice, _ = speaking(utterance.segments, n)
    spoken = voice > 0.5
    fits = [
        np.corrcoef(opening(truth)[spoken], opening(move(g, features, 4, Controls()))[spoken])[0, 1]
        for g in (moda, Yardstick())
    ]
    assert fits[0] > 0.6
    assert fits[0] > fits[1] + 0.05


def test_the_mouth_rests_in_silence_while_the_eyes_blink(moda: CausalMoDA) -> None:
    frames = 25 * 30
    silence = features_of(np.zeros(frames * SAMPLES_PER_FRAME, np.float32))
    motion = move(moda, silence, 4, Controls())
    assert np.mean(opening(motion) < 0.01) > 0.99
    lids = expression(motion)[:, Keypoint.LID_LEFT, 1] > 0.5 * LID_TRAVEL
    blinks = np.count_nonzero(lids[1:] & ~lids[:-1])
    assert 4 <= blinks <= 14


@pytest.mark.parametrize("emotion", ["none", "sadness"])
def test_head_and_lids_rest_where_the_mood_has_them(emotion: Emotion) -> None:
    moda = CausalMoDA.load(sampling=Sampling(idle=0.0))
    silence = features_of(np.zeros(60 * FPS * SAMPLES_PER_FRAME, np.float32))
    controls = Controls(emotion)
    motion = move(moda, silence, 4, controls)[-30 * FPS :]
    leant = np.abs(motion.mean(axis=0) - neutral_motion()[0] - emotion_offsets(controls))
    assert leant[[PITCH, YAW, ROLL]].max() < 1.0
    assert leant[TRANSLATION].max() < 0.006  # a pixel and a half of 512
    lids = expression(motion)[:, Keypoint.LID_LEFT, 1]
    assert np.abs(np.diff(lids)).mean() < 0.0003  # less than a tenth of a pixel of 512


@pytest.mark.parametrize("emotion", ["none", "surprise"])
def test_emphasis_keeps_the_mouth_in_its_range(
    moda: CausalMoDA, features: FloatArray, emotion: Emotion
) -> None:
    least, most = (limit[mouth_dimensions() > 0] for limit in motion_limits())
    motion = move(moda, features[:100], 4, Controls(emotion, guidance=4.0))
    mouth = motion[:, mouth_dimensions() > 0]
    assert (mouth >= least - 1e-5).all()
    assert (mouth <= most + 1e-5).all()
    assert -0.06 < opening(motion).min() < opening(motion).max() < 0.17


def test_seeds_repeat_and_differ_in_the_head_more_than_in_the_lips(
    moda: CausalMoDA, features: FloatArray
) -> None:
    one, again, other = (move(moda, features, 4, Controls(seed=s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one[:, YAW] - other[:, YAW]).max() > 0.5
    assert np.corrcoef(opening(one), opening(other))[0, 1] > 0.9


def test_streaming_gives_what_one_call_gives(moda: CausalMoDA, features: FloatArray) -> None:
    whole = move(moda, features, len(features), Controls())
    np.testing.assert_allclose(move(moda, features, moda.chunk, Controls()), whole, atol=2e-3)


def test_emotions_and_guidance_change_the_face(moda: CausalMoDA, features: FloatArray) -> None:
    neutral, happy = (move(moda, features, 4, Controls(e)) for e in ("neutral", "happiness"))
    smile = (happy - neutral)[50:, 3 * Keypoint.MOUTH_LEFT + 1]
    assert smile.mean() < -0.007  # y points down
    guided = move(moda, features, 4, Controls("happiness", guidance=2.0))
    assert opening(guided).std() > 1.3 * opening(happy).std()


def test_what_ships_is_small() -> None:
    assert sum(path.stat().st_size for path in BUILT_IN.iterdir()) < 20_000_000


@pytest.mark.parametrize("words", ["Hello! I am Mira.", "Yes, of course."])
@pytest.mark.parametrize("emotion", ["none", "happiness", "anger"])
def test_the_mouth_closes_after_the_last_word_and_stays_closed(
    moda: CausalMoDA, words: str, emotion: Emotion
) -> None:
    said = utterance_of(words)
    seconds = len(said.speech) / 16_000
    whole = assemble([said], seconds + 4.0, np.random.default_rng(0), lead=0.5)
    gap = opening(move(moda, features_of(whole.speech), 4, Controls(emotion, 0.7)))
    assert gap.max() > 0.04
    assert gap[round((seconds + 1.1) * FPS) :].max() < 0.01


@pytest.mark.parametrize("frame", [20, 33, 46, 59])
def test_the_mouth_closes_soon_after_an_interruption(moda: CausalMoDA, frame: int) -> None:
    said = utterance_of(TEXT).speech[: frame * SAMPLES_PER_FRAME]
    speech = np.concatenate([said, np.zeros(FPS * SAMPLES_PER_FRAME, np.float32)])
    gap = opening(move(moda, features_of(speech), 1, Controls()))
    assert gap[frame + FPS * 2 // 5 :].max() < 0.015
