"""Silero: streaming equals offline, states stay valid, speech is told from noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_server.conversation.silero import SileroVad
from avatar_server.conversation.vad import VAD_FRAME
from tests.voices import spoken

VAD = SileroVad()


def test_chunks_of_whole_frames_give_what_the_whole_gives() -> None:
    speech = spoken("She had your dark suit in greasy wash water all year.")
    speech = speech[: len(speech) // VAD_FRAME * VAD_FRAME]
    whole, _ = VAD.step(VAD.init_state(), speech)

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(0, len(speech) // VAD_FRAME), max_size=20))
    def check(cuts: list[int]) -> None:
        state, parts = VAD.init_state(), []
        for chunk in np.split(speech, [VAD_FRAME * cut for cut in sorted(cuts)]):
            probabilities, state = VAD.step(state, chunk)
            parts.append(probabilities)
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)

    check()


def test_an_old_state_stays_valid() -> None:
    speech = spoken("One two three.")[: 20 * VAD_FRAME]
    _, state = VAD.step(VAD.init_state(), speech[: 10 * VAD_FRAME])
    first, _ = VAD.step(state, speech[10 * VAD_FRAME :])
    again, _ = VAD.step(state, speech[10 * VAD_FRAME :])
    np.testing.assert_array_equal(first, again)


def test_speech_is_told_from_noise_and_hum() -> None:
    speech = spoken("The quick brown fox jumps over the lazy dog.")
    frames = len(speech) // VAD_FRAME
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.05, frames * VAD_FRAME).astype(np.float32)
    hum = np.sin(np.arange(frames * VAD_FRAME) * (2 * np.pi * 50 / 16_000)).astype(np.float32)
    means = [
        float(VAD.step(VAD.init_state(), sound)[0].mean())
        for sound in (speech[: frames * VAD_FRAME], noise, 0.3 * hum)
    ]
    assert means[0] > 0.7
    assert max(means[1:]) < 0.15


def test_a_broken_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="512"):
        VAD.step(VAD.init_state(), np.zeros(500, np.float32))
