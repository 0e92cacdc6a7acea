"""Playout: one clock for sound and picture, instant barge-in, sound before pictures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from streaming.clock import PACKET, TICK, MediaClock
from streaming.playout import RAMP, Pacing, Plan, Playout
from streaming.speech import SpeechBuffer
from streaming.speech_source import Cue


@dataclass
class World:
    """A wall clock that runs the loop between packets, and stops at a given time."""

    until: float = 0.0
    time: float = 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.time += seconds
        if self.time > self.until:
            raise asyncio.CancelledError


class Animator:
    """Draws each plan at once as an image that names its tick; optionally too slow."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.rewinds: list[int] = []
        self.slow = False

    def request(self, plan: Plan) -> None:
        self.plans.append(plan)

    def take(self, tick: int) -> np.ndarray | None:
        return None if self.slow else np.full((3, 2), tick % 256, np.uint8)

    def rewind(self, tick: int) -> None:
        self.rewinds.append(tick)
        self.plans = [plan for plan in self.plans if plan.tick < tick]


class Output:
    def __init__(self) -> None:
        self.audio: list[tuple[int, np.ndarray]] = []
        self.video: list[tuple[int, np.ndarray]] = []

    def publish_audio(self, pts: int, pcm: np.ndarray) -> None:
        self.audio.append((pts, pcm))

    def publish_video(self, pts: int, image: np.ndarray) -> None:
        self.video.append((pts, image))

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate([pcm for _, pcm in self.audio])


@pytest.fixture(params=[1, 4], ids=["chunk1", "chunk4"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(Pacing(chunk=request.param))


class Rig:
    def __init__(self, pacing: Pacing) -> None:
        self.pacing = pacing
        self.world = World()
        self.speech = SpeechBuffer(lookahead=2)
        self.animator = Animator()
        self.output = Output()
        self.cues: list[Cue] = []
        clock = MediaClock(lambda: self.world.time, self.world.sleep)
        self.playout = Playout(
            clock, self.speech, self.animator, self.output, self.cues.append, pacing
        )

    async def play(self, seconds: float) -> None:
        """Let ``seconds`` of wall time pass."""
        self.world.until = self.world.time + seconds
        try:
            await self.playout.run()
        except asyncio.CancelledError:
            self.world.time = self.world.until

    def say(self, ticks: int) -> None:
        source = self.speech.begin("u", "hello there")
        source.push(np.full(ticks * TICK, 0.5, np.float32), 48_000)
        source.end()
        self.playout.speech_arrived()


async def test_sound_and_picture_share_one_clock(rig: Rig) -> None:
    await rig.play(2.0)
    assert [pts for pts, _ in rig.output.audio[:100]] == [PACKET * i for i in range(100)]
    assert [pts for pts, _ in rig.output.video[:50]] == [TICK * i for i in range(50)]
    assert [int(image[0, 0]) for _, image in rig.output.video[:50]] == list(range(50))


async def test_every_tick_is_planned_once_in_order_and_not_far_ahead(rig: Rig) -> None:
    await rig.play(1.0)
    ticks = [plan.tick for plan in rig.animator.plans]
    assert ticks == list(range(len(ticks)))
    assert len(ticks) - len(rig.output.video) <= rig.pacing.lead + rig.pacing.chunk - 1


async def test_speech_starts_within_two_ticks_although_silence_was_planned(rig: Rig) -> None:
    await rig.play(1.01)
    before = len(rig.output.sound)
    rig.say(10)
    await rig.play(1.0)
    onset = int(np.flatnonzero(rig.output.sound)[0])
    assert onset - before <= 2 * TICK
    assert np.count_nonzero(rig.output.sound) == 10 * TICK, "all of it is heard"
    assert [cue.kind for cue in rig.cues] == ["start", "end"]


async def test_planned_ticks_stay_consecutive_after_planning_again(rig: Rig) -> None:
    await rig.play(0.5)
    rig.say(10)
    await rig.play(0.5)
    ticks = [plan.tick for plan in rig.animator.plans]
    assert ticks == list(range(len(ticks)))
    assert rig.animator.rewinds, "the silence that was planned ahead has been dropped"


async def test_interrupt_ramps_out_within_ten_milliseconds(rig: Rig) -> None:
    rig.say(50)
    await rig.play(1.0)
    played = len(rig.output.sound)
    rig.playout.interrupt()
    await rig.play(1.0)
    after = rig.output.sound[played:]
    assert after[0] > 0.4, "no click: it goes on from where it was"
    assert np.abs(np.diff(after[: RAMP + 1])).max() < 0.01
    assert not after[RAMP:].any(), "silent after 10 ms"
    assert rig.playout.epoch > 0


async def test_a_second_interrupt_before_the_next_packet_does_not_click(rig: Rig) -> None:
    rig.say(50)
    await rig.play(1.0)
    played = len(rig.output.sound)
    rig.playout.hold()
    rig.playout.interrupt()
    rig.playout.interrupt()
    await rig.play(0.5)
    after = rig.output.sound[played:]
    assert after[0] > 0.4, "it goes on from where it was"
    assert np.abs(np.diff(after[: RAMP + 1])).max() < 0.01
    assert not after[RAMP:].any()


async def test_speech_after_an_interrupt_is_heard_from_its_start(rig: Rig) -> None:
    rig.say(50)
    await rig.play(1.0)
    rig.playout.interrupt()
    played = len(rig.output.sound)
    rig.say(5)
    await rig.play(1.0)
    after = rig.output.sound[played + RAMP :]
    assert np.count_nonzero(after) >= 5 * TICK - RAMP
    assert [cue.kind for cue in rig.cues] == ["start", "start", "end"]


async def test_late_pictures_never_hold_up_the_sound(rig: Rig) -> None:
    rig.animator.slow = True
    rig.say(10)
    await rig.play(1.0)
    assert not rig.output.video
    assert np.count_nonzero(rig.output.sound) == 10 * TICK


async def test_cues_come_when_they_sound(rig: Rig) -> None:
    heard_at: list[tuple[str, int]] = []
    rig.playout._on_cue = lambda cue: heard_at.append((cue.kind, len(rig.output.audio)))
    source = rig.speech.begin("u", "one two")
    source.push(np.full(10 * TICK, 0.5, np.float32), 48_000)
    source.cue(5 * TICK, 48_000, heard=7)
    source.end()
    rig.playout.speech_arrived()
    await rig.play(1.0)
    (_, start), (_, word), (_, end) = heard_at
    assert word - start == 10, "five ticks are ten packets"
    assert end - start == 19


async def test_hold_falls_silent_and_resume_goes_on_where_it_was(rig: Rig) -> None:
    source = rig.speech.begin("u", "hello")
    pcm = np.linspace(0.1, 0.9, 30 * TICK, dtype=np.float32)
    source.push(pcm, 48_000)
    source.end()
    rig.playout.speech_arrived()
    await rig.play(0.7)
    played = len(rig.output.sound)
    rig.playout.hold()
    rig.playout.hold()
    await rig.play(0.5)
    held = rig.output.sound[played:]
    assert not held[RAMP:].any()
    assert np.abs(np.diff(held[: RAMP + 1])).max() < 0.01, "no click"
    rig.playout.resume()
    await rig.play(1.5)
    sound = rig.output.sound
    before = np.count_nonzero(sound[:played])
    after = sound[played + len(held) :]
    after = after[np.flatnonzero(after)[0] :]
    np.testing.assert_allclose(after[: len(pcm) - before], pcm[before:], atol=2e-4)
    assert [cue.kind for cue in rig.cues] == ["start", "end"]


async def test_speech_held_before_it_began_still_begins(rig: Rig) -> None:
    await rig.play(0.5)
    rig.say(5)
    rig.playout.hold()
    await rig.play(0.5)
    assert not rig.cues
    rig.playout.resume()
    await rig.play(0.5)
    assert [cue.kind for cue in rig.cues] == ["start", "end"]


@pytest.mark.parametrize("then", ["speech", "hold"])
async def test_an_utterance_without_sound_is_over_whatever_follows(rig: Rig, then: str) -> None:
    await rig.play(0.5)
    rig.speech.begin("mute", "...").end()
    rig.playout.speech_arrived()
    if then == "hold":
        rig.playout.hold()
        await rig.play(0.3)
        assert not rig.cues
        rig.playout.resume()
    rig.say(5)
    await rig.play(1.0)
    expected = [(name, kind) for name in ("mute", "u") for kind in ("start", "end")]
    assert [(cue.utterance, cue.kind) for cue in rig.cues] == expected
    assert np.count_nonzero(rig.output.sound) == 5 * TICK


async def test_hold_at_the_last_sample_does_not_lose_the_end(rig: Rig) -> None:
    source = rig.speech.begin("u", "hello")
    source.push(np.full(5 * TICK + PACKET, 0.5, np.float32), 48_000)
    source.end()
    rig.playout.speech_arrived()
    while np.count_nonzero(rig.output.sound if rig.output.audio else 0) < 5 * TICK + PACKET:
        await rig.play(0.02)
    assert [cue.kind for cue in rig.cues] == ["start"]
    rig.playout.hold()
    await rig.play(0.3)
    rig.playout.resume()
    await rig.play(0.3)
    assert [cue.kind for cue in rig.cues] == ["start", "end"]


async def test_interrupt_while_held_drops_what_was_kept(rig: Rig) -> None:
    rig.say(30)
    await rig.play(0.5)
    rig.playout.hold()
    rig.playout.interrupt()
    await rig.play(0.5)
    played = len(rig.output.sound)
    rig.say(5)
    await rig.play(1.0)
    assert np.count_nonzero(rig.output.sound[played:]) == 5 * TICK
