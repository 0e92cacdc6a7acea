"""A microphone that is muted for an hour: nothing piles up, and then it is heard at once."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_server.conversation.echo import EchoGuard
from avatar_server.lifetime import Ended
from motion.contract import SPEECH_RATE
from streaming.clock import PACKET, SAMPLE_RATE
from streaming.encoders import OpusEncoder
from streaming.hearing import OpusHearing
from streaming.protocol import SessionWarning
from tests.test_lifetime import lifetime

HOUR = 3600


@pytest.mark.parametrize("sequence", [1, 3 * HOUR])
def test_the_first_packet_is_heard_and_the_hour_is_not(sequence: int) -> None:
    """Some browsers number the packets on, others count those that they did not send."""
    heard: list[int] = []
    hearing = OpusHearing(lambda pcm, rate: heard.append(len(pcm)))
    (packet,) = OpusEncoder().encode(np.zeros(PACKET, np.float32), 0)
    hearing.push(0, 0, bytes(packet))
    hearing.push(sequence, HOUR * SAMPLE_RATE, bytes(packet))
    assert heard == [PACKET, PACKET]


def test_the_echo_guard_forgets_what_was_played_and_finds_the_next_echo() -> None:
    random = np.random.default_rng(0)
    minute = random.normal(0, 0.1, 60 * SPEECH_RATE).astype(np.float32)
    guard = EchoGuard()
    state = fresh = guard.init_state()
    for _ in range(HOUR // 60):
        state = guard.play(state, minute)
    assert state.played.kept.shape == fresh.played.kept.shape
    echo = 0.1 * minute[-SPEECH_RATE:]
    frames, state = guard.hear(state, echo)
    assert not frames[SPEECH_RATE // 2 :].any(), "it is the avatar's own sound"
    voice = random.normal(0, 0.1, SPEECH_RATE).astype(np.float32)
    frames, _ = guard.hear(state, voice)
    assert np.abs(frames[SPEECH_RATE // 2 :]).mean() > 0.05, "it is somebody else's"


def test_whoever_writes_meanwhile_is_there() -> None:
    life, clock = lifetime(idle=1800, warning=30)
    for _ in range(HOUR // 600):
        clock.now += 600
        life.act()
        assert life.tick() == []


def test_whoever_does_nothing_is_warned_once_and_let_go() -> None:
    life, clock = lifetime(idle=1800, warning=30)
    told: list[SessionWarning | Ended] = []
    while not any(isinstance(event, Ended) for event in told):
        assert life.deadline is not None
        clock.now = life.deadline
        told += life.tick()
    assert clock.now == 100 + 1800
    assert len(told) == 2
