from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE
from motion.features import HOPS, MELS, LogMelFeatures, mel_bands, mel_centres
from motion.layout import FloatArray

FEATURES = LogMelFeatures()


def noise(frames: int, seed: int = 0) -> FloatArray:
    sound = np.random.default_rng(seed).normal(0.0, 0.1, frames * SAMPLES_PER_FRAME)
    return sound.astype(np.float32)


def offline(speech: FloatArray) -> FloatArray:
    return FEATURES.step(FEATURES.init_state(), speech)[0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 99))
def test_streaming_equals_offline(chunks: list[int], seed: int) -> None:
    speech = noise(sum(chunks), seed)
    state = FEATURES.init_state()
    rows = [np.zeros((0, FEATURES.dim), np.float32)]
    start = 0
    for frames in chunks:
        end = start + frames * SAMPLES_PER_FRAME
        features, (*_, state) = FEATURES.step(state, speech[start:end])
        rows.append(features)
        start = end
    np.testing.assert_allclose(np.concatenate(rows), offline(speech), rtol=0, atol=1e-6)


def test_rows_do_not_see_the_future() -> None:
    speech = noise(6)
    changed = speech.copy()
    changed[3 * SAMPLES_PER_FRAME :] = 0.9
    before, after = offline(speech), offline(changed)
    np.testing.assert_array_equal(before[:3], after[:3])
    assert np.abs(before[3] - after[3]).max() > 0.1


def test_a_state_can_be_taken_up_again() -> None:
    speech = noise(4)
    _, (*_, state) = FEATURES.step(FEATURES.init_state(), speech[: 2 * SAMPLES_PER_FRAME])
    rest = speech[2 * SAMPLES_PER_FRAME :]
    first, _ = FEATURES.step(state, rest)
    FEATURES.step(state, noise(2, seed=9))
    again, _ = FEATURES.step(state, rest)
    np.testing.assert_array_equal(first, again)


def test_the_state_keeps_no_view_of_the_callers_samples() -> None:
    speech = noise(2)
    _, (*_, state) = FEATURES.step(FEATURES.init_state(), speech)
    kept = state.past.copy()
    speech[:] = 0.0
    np.testing.assert_array_equal(state.past, kept)


@pytest.mark.parametrize("length", [1, 639, 641])
def test_refuses_parts_of_frames(length: int) -> None:
    with pytest.raises(ValueError, match="640"):
        FEATURES.step(FEATURES.init_state(), np.zeros(length, np.float32))


def test_refuses_more_than_one_channel() -> None:
    with pytest.raises(ValueError, match=r"\[640, 2\]"):
        FEATURES.step(FEATURES.init_state(), np.zeros((640, 2), np.float32))


def test_silence_is_the_floor() -> None:
    np.testing.assert_allclose(
        offline(np.zeros(3 * SAMPLES_PER_FRAME, np.float32)), -2.0, atol=1e-5
    )


def test_the_scale_is_twenty_decibels_a_unit() -> None:
    speech = noise(8)
    change = offline(speech) - offline(speech * np.float32(0.1))
    # The lowest bands touch the floor.
    np.testing.assert_allclose(change.reshape(8, HOPS, MELS)[1:, :, 8:], 1.0, atol=0.05)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_its_band(frequency: float) -> None:
    time = np.arange(5 * SAMPLES_PER_FRAME) / SPEECH_RATE
    tone = (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)
    bands = mel_bands(offline(tone))[-1]
    nearest = np.abs(mel_centres() - frequency).argmin()
    assert set(bands.argmax(axis=1)) == {nearest}


def test_hops_are_in_order_of_time() -> None:
    late = np.zeros(SAMPLES_PER_FRAME, np.float32)
    late[500:] = noise(1)[500:]
    bands = mel_bands(offline(late))[0]
    assert bands[:3].max() < -89.0
    assert bands[3].max() > -45.0
