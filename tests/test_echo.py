"""The echo guard against the avatar's own sound at -20 dB and 200 ms, in rooms and in noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_server.conversation.echo import EchoGuard
from avatar_server.conversation.endpointing import SpeechDetector, SpeechEvent
from avatar_server.conversation.silero import SileroVad
from avatar_server.conversation.vad import VAD_FRAME
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from tests.voices import silence, spoken

TICK = 640
LEAK = 10 ** (-20 / 20)
DELAY = round(0.2 * SPEECH_RATE)
AVATAR = np.concatenate(
    [
        silence(0.4),
        spoken("Hello, I am Mira. It is nice to see you here today."),
        silence(0.5),
        spoken("Shall I tell you about the weather in London, which is rather grey?"),
        silence(0.6),
    ]
)
AVATAR = np.pad(AVATAR, (0, -len(AVATAR) % TICK))


def leaked(reverberation: float = 0.0) -> FloatArray:
    """The avatar's sound as a microphone hears it; ``reverberation`` is its energy compared with
    that of the direct sound, over 0.3 s."""
    random = np.random.default_rng(3)
    room = np.zeros(DELAY + round(0.3 * SPEECH_RATE))
    decay = random.normal(size=len(room) - DELAY) * np.logspace(0, -3, len(room) - DELAY)
    room[DELAY:] = decay * np.sqrt(reverberation / (decay**2).sum())
    room[DELAY] += 1
    echo = LEAK / np.sqrt(1 + reverberation) * np.convolve(AVATAR, room)[: len(AVATAR)]
    heard: FloatArray = (echo + random.normal(0, 5e-4, len(echo))).astype(np.float32)
    return heard


def events_of(microphone: FloatArray, *, guarded: bool) -> tuple[SpeechEvent, ...]:
    if guarded:
        microphone = passed(microphone)
    detector = SpeechDetector(SileroVad())
    return detector.step(detector.init_state(), microphone)[0]


def passed(microphone: FloatArray, chunk: int = TICK) -> FloatArray:
    """What the guard lets through while the avatar speaks."""
    guard = EchoGuard()
    state, parts = guard.init_state(), []
    for i in range(0, len(AVATAR), chunk):
        state = guard.play(state, AVATAR[i : i + chunk])
        sound, state = guard.hear(state, microphone[i : i + chunk])
        parts.append(sound)
    return np.concatenate(parts)


@pytest.mark.parametrize("reverberation", [0.0, 0.25, 1.0])
def test_the_avatar_does_not_hear_itself(reverberation: float) -> None:
    microphone = leaked(reverberation)
    assert len(events_of(microphone, guarded=False)) >= 2
    assert events_of(microphone, guarded=True) == ()


# A voice at a fifth of the avatar's level is noticed some 60 ms later, as espeak-ng happens to
# speak; from two fifths on the guard costs nothing.
@pytest.mark.parametrize("level", [0.5, 0.2])
def test_a_user_who_talks_over_the_echo_is_heard_as_soon_as_without(level: float) -> None:
    microphone = leaked(0.25)
    user = spoken("Wait a moment please, I have a question.", "en-us+f2") * np.float32(2 * level)
    begin = 2 * SPEECH_RATE
    microphone[begin : begin + len(user)] += user
    alone = np.zeros_like(microphone)
    alone[begin : begin + len(user)] = user
    at_once = events_of(alone, guarded=False)[0]
    guarded = events_of(microphone, guarded=True)[0]
    assert guarded.kind == "started"
    assert guarded.sample >= begin - 2 * VAD_FRAME
    assert guarded.noticed - at_once.noticed <= 0.1 * SPEECH_RATE


def test_a_user_is_left_as_he_is_while_the_avatar_is_silent() -> None:
    guard = EchoGuard()
    state = guard.play(guard.init_state(), silence(2.0))
    user = spoken("How do you do, my friend?")[: 20 * VAD_FRAME]
    heard, _ = guard.hear(state, user)
    np.testing.assert_array_equal(heard, user)


def test_packets_that_come_late_and_together_change_little() -> None:
    microphone = leaked(0.25)
    guard = EchoGuard()
    random = np.random.default_rng(5)
    state, parts, sent = guard.init_state(), [], 0
    for i in range(0, len(AVATAR), TICK):
        state = guard.play(state, AVATAR[i : i + TICK])
        if random.random() < 0.4:
            sound, state = guard.hear(state, microphone[sent : i + TICK])
            parts.append(sound)
            sent = i + TICK
    detector = SpeechDetector(SileroVad())
    assert detector.step(detector.init_state(), np.concatenate(parts))[0] == ()


def test_chunking_changes_nothing_and_old_states_stay_valid() -> None:
    guard = EchoGuard()
    microphone = leaked(0.25)[:40_000]
    state = guard.init_state()
    for i in range(0, 40_000, 1_000):
        state = guard.play(state, AVATAR[i : i + 1_000])
    whole, _ = guard.hear(state, microphone[24_000:])

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.integers(24_000, 40_000), max_size=8))
    def check(cuts: list[int]) -> None:
        current, parts = state, []
        for chunk in np.split(microphone[24_000:], [cut - 24_000 for cut in sorted(cuts)]):
            sound, current = guard.hear(current, chunk)
            parts.append(sound)
        np.testing.assert_array_equal(np.concatenate(parts), whole)

    check()
    played = [guard.init_state(), guard.init_state()]
    for i in range(0, 9_000, 1_000):
        played[0] = guard.play(played[0], AVATAR[i : i + 1_000])
    for i in range(0, 9_000, 333):
        played[1] = guard.play(played[1], AVATAR[i : min(i + 333, 9_000)])
    np.testing.assert_allclose(played[0].played.kept, played[1].played.kept, atol=1e-6)
