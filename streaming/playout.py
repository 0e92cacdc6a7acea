"""The playout of a session: the sound and the picture of every tick of its clock.

Some ticks ahead of the clock, speech is cut into plans, which go to the animator. When a tick is
due, its sound is sent in any case, and its picture if it is ready. A barge-in raises the epoch:
all plans for later are dropped, sound fades out, and planning starts again from the next tick with
the motion of the last frame shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from streaming.clock import PACKET, SAMPLE_RATE, TICK, MediaClock
from streaming.resample import FloatArray
from streaming.speech import SpeechBuffer, SpeechTick
from streaming.speech_source import Cue

RAMP: Final = PACKET // 2
"""Samples over which interrupted sound fades out (10 ms)."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How far ahead of the clock an animator needs its plans."""

    lead: int = 2
    """Ticks that are planned ahead of the clock: the time to animate."""
    chunk: int = 1
    """Ticks that are best animated together; that many are planned if their sound is known."""
    reaction: float = 0.025
    """Shortest time in seconds from the plan of a tick to its picture."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The content of a tick, planned before its picture exists."""

    tick: int
    epoch: int
    speech: SpeechTick
    due: float = 0.0
    """When the tick begins, on the clock that drives the session."""


class Animator(Protocol):
    """Turns plans into pictures, in order and asynchronously."""

    def request(self, plan: Plan) -> None:
        """Animate ``plan``; it follows the plan requested last."""

    def take(self, tick: int) -> npt.NDArray[np.uint8] | None:
        """The I420 picture for ``tick``, which is due now: its own, or the newest before it that
        has not been shown; None if there is none."""

    def rewind(self, tick: int) -> None:
        """Drop every plan from ``tick`` on; the next request is for ``tick`` again."""


class Output(Protocol):
    """Where media goes; see :class:`streaming.broadcast.Broadcast`."""

    def publish_audio(self, pts: int, pcm: FloatArray) -> None: ...

    def publish_video(self, pts: int, image: npt.NDArray[np.uint8]) -> None: ...


class Playout:
    """Drives one session's clock. Use from its event loop only."""

    def __init__(
        self,
        clock: MediaClock,
        speech: SpeechBuffer,
        animator: Animator,
        output: Output,
        on_cue: Callable[[Cue], None],
        pacing: Pacing,
    ) -> None:
        self._clock = clock
        self._speech = speech
        self._animator = animator
        self._output = output
        self._on_cue = on_cue
        self._pacing = pacing
        self._plans: dict[int, Plan] = {}
        self._planned = 0
        """First tick without a plan."""
        self._current: SpeechTick | None = None
        self._fade: FloatArray | None = None
        self.epoch = 0
        self.heard: tuple[str, int] = ("", 0)
        """The utterance heard last, and how many of its 48 kHz samples were played."""

    async def run(self) -> None:
        """Play until cancelled."""
        self._plan(self._next_tick + self._pacing.lead)
        while True:
            sample = await self._clock.wait()
            tick, offset = divmod(sample, TICK)
            if offset == 0:
                self._start_tick(tick, sample)
            self._play_packet(sample, offset)

    def interrupt(self) -> None:
        """Silence the avatar now and drop all buffered speech."""
        self._fade_out()
        self._speech.clear()
        self._current = None
        self._replan(self._next_tick)

    def hold(self) -> None:
        """Fall silent now, but keep the rest of the speech for :meth:`resume`."""
        if self._speech.held:
            return
        self._fade_out()
        self._put_back(self._next_tick)
        if self._current is not None:
            self._speech.put_back(self._current, self._clock.next_sample % TICK or TICK)
            self._current = None
        self._speech.held = True
        self._replan(self._next_tick)

    def resume(self) -> None:
        """Continue the speech that :meth:`hold` kept."""
        self._speech.held = False
        self.speech_arrived()

    def speech_arrived(self) -> None:
        """Speech was buffered: if only silence is planned, plan again so that it starts sooner."""
        if self._speech.ready:
            self.refresh()

    def refresh(self) -> None:
        """If only silence is planned, plan again from the first tick that can still be animated."""
        waiting = [self._plans[tick] for tick in range(self._next_tick, self._planned)]
        if any(plan.speech.spoken for plan in waiting):
            return
        tick = self._next_tick
        while self._seconds_until(tick) < self._pacing.reaction:
            tick += 1
        if tick < self._planned:
            # Silent ticks may hold the start and end of an utterance without sound.
            self._put_back(tick)
            self._replan(tick)

    # --- planning -----------------------------------------------------------------------------

    @property
    def _next_tick(self) -> int:
        """The next tick to start."""
        return -(-self._clock.next_sample // TICK)

    def _seconds_until(self, tick: int) -> float:
        packets = (tick * TICK - self._clock.next_sample) // PACKET
        return self._clock.until_next() + packets * PACKET / SAMPLE_RATE

    def _plan(self, until: int) -> None:
        """Plan the ticks before ``until`` and, if their sound is known, the rest of a chunk."""
        if self._planned >= until:
            return
        until = max(until, self._planned + self._speech.foreseen(self._pacing.chunk))
        while self._planned < until:
            due = self._clock.now() + self._seconds_until(self._planned)
            plan = Plan(self._planned, self.epoch, self._speech.take(), due)
            self._plans[plan.tick] = plan
            self._planned += 1
            self._animator.request(plan)

    def _put_back(self, tick: int) -> None:
        """Return the speech planned from ``tick`` on to the buffer."""
        for planned in range(self._planned - 1, tick - 1, -1):
            self._speech.put_back(self._plans[planned].speech)

    def _replan(self, tick: int) -> None:
        self.epoch += 1
        for planned in range(tick, self._planned):
            del self._plans[planned]
        self._planned = min(tick, self._planned)
        self._animator.rewind(tick)
        self._plan(self._next_tick + self._pacing.lead)

    # --- playing ------------------------------------------------------------------------------

    def _start_tick(self, tick: int, sample: int) -> None:
        self._plan(tick + 1 + self._pacing.lead)
        self._current = self._plans.pop(tick).speech
        image = self._animator.take(tick)
        if image is not None:
            self._output.publish_video(sample, image)

    def _play_packet(self, sample: int, offset: int) -> None:
        pcm = self._packet_of(self._current, offset)
        if self._fade is not None:
            pcm = pcm.copy()
            pcm[:RAMP] += self._fade[:RAMP] * np.linspace(1, 0, RAMP, dtype=np.float32)
            self._fade = None
        self._output.publish_audio(sample, pcm)
        if self._current is not None:
            self._note_heard(self._current, offset + PACKET)
            for at, cue in self._current.cues:
                if offset <= at < offset + PACKET:
                    self._on_cue(cue)

    def _note_heard(self, speech: SpeechTick, until: int) -> None:
        """Sound before sample ``until`` of the current tick has been played."""
        for span in speech.spans:
            if span.start < until:
                played = min(until - span.start, span.count)
                self.heard = (span.source.name, span.position + played)

    def _fade_out(self) -> None:
        """Fade the present sound out in the next packet."""
        if self._fade is None:  # else it has been silenced since the last packet already
            self._fade = self._upcoming_packet()

    def _upcoming_packet(self) -> FloatArray:
        """The sound that the next packet would carry."""
        tick, offset = divmod(self._clock.next_sample, TICK)
        if offset:
            return self._packet_of(self._current, offset)
        plan = self._plans.get(tick)
        return self._packet_of(plan.speech if plan else None, 0)

    @staticmethod
    def _packet_of(speech: SpeechTick | None, offset: int) -> FloatArray:
        if speech is None:
            return np.zeros(PACKET, np.float32)
        return speech.audio[offset : offset + PACKET]
