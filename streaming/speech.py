"""The buffer of speech ahead of playout, cut into ticks of the session clock.

Utterances queue behind each other; a live source (a microphone) is heard whenever none is queued.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from streaming.clock import TICK
from streaming.resample import FloatArray
from streaming.speech_source import FEATURE_RATE, FEATURE_TICK, RATIO, Cue, SpeechSource

MAX_AHEAD_SECONDS: Final = 30.0
"""Speech that may be buffered ahead of playout; beyond that its producer waits."""

HELD_BACK: Final = FEATURE_RATE * 2 // 1000
"""Samples (2 ms) by which look-ahead may fall short: resampling holds 1 to 2 ms back until more
sound comes, and a stream in pieces of 20 ms would be a whole piece late for them."""

MAX_LIVE_TICKS: Final = 8
"""Backlog beyond which a live source drops its oldest sound, so that it does not fall behind."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one utterance within a tick, in 48 kHz samples."""

    source: SpeechSource
    start: int
    """First sample within the tick."""
    count: int
    """0 if an utterance only ends here, or has no sound at all."""
    position: int
    """Sample of the utterance that is played at ``start``."""


@dataclass(frozen=True, slots=True)
class SpeechTick:
    """One tick of speech, or of silence."""

    audio: FloatArray
    """[1920] at 48 kHz, for the listener."""
    speech: FloatArray
    """[640] at 16 kHz, for the features."""
    ahead: FloatArray
    """[640 m] at 16 kHz: the sound after it, as far as it is buffered, at most the look-ahead."""
    cues: tuple[tuple[int, Cue], ...] = ()
    """Cues with their sample within the tick, 0 to 1919."""
    spans: tuple[Span, ...] = ()
    """Its parts that come from an utterance or a live source, in order."""

    @property
    def spoken(self) -> bool:
        return any(span.count for span in self.spans)


class SpeechBuffer:
    """The speech of one session, ahead of its clock.

    ``lookahead`` is how many ticks of sound after a tick the motion generator can use; a source
    starts only when that much is buffered (less :data:`HELD_BACK`), so that the look-ahead of its
    first tick is real.
    """

    def __init__(self, lookahead: int) -> None:
        self._lookahead = lookahead
        self._held_back = HELD_BACK if lookahead else 0
        self._queue: deque[SpeechSource] = deque()
        self._live: SpeechSource | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.held = False
        """While True, ticks are silent and speech stays buffered."""

    # --- producers --------------------------------------------------------------------------

    def begin(self, utterance: str, text: str = "") -> SpeechSource:
        """Queue a new utterance; its producer fills the returned source."""
        source = SpeechSource(utterance, text)
        source.cues.append((0, Cue("start", utterance)))
        self._queue.append(source)
        return source

    async def room(self, source: SpeechSource | None = None) -> None:
        """Wait until no more than ``MAX_AHEAD_SECONDS`` of speech are buffered; with ``source``,
        only sound up to its end counts."""
        while self.seconds_ahead(source) > MAX_AHEAD_SECONDS:
            self._room.clear()
            await self._room.wait()

    def push_live(self, pcm: FloatArray, rate: int) -> None:
        """Add sound of the live source.

        The oldest is dropped beyond ``MAX_LIVE_TICKS`` and, before the source has started, beyond
        what it needs to start: any excess would delay it permanently.
        """
        if self._live is None:
            self._live = SpeechSource("", live=True)
        live = self._live
        live.push(pcm, rate)
        given_out = live.primed and self._current() is live
        most = MAX_LIVE_TICKS if given_out else 1 + self._lookahead
        excess = live.available - most * FEATURE_TICK
        if excess > 0:
            live.speech.pull(excess)
            live.audio.pull(excess * RATIO)

    def end_live(self) -> None:
        """The live source is gone; its buffered sound is still played."""
        if self._live is not None:
            self._live.end()

    def clear(self) -> None:
        """Drop all buffered speech and end any hold."""
        self.held = False
        for source in self._queue:
            source.end()
        self._queue.clear()
        self._live = None
        self._room.set()

    # --- consumer ---------------------------------------------------------------------------

    def seconds_ahead(self, last: SpeechSource | None = None) -> float:
        """Seconds of queued sound, up to the end of ``last`` if it is given."""
        if last is not None and last not in self._queue:
            return 0.0
        samples = 0
        for source in self._queue:
            samples += source.available
            if source is last:
                break
        return samples / FEATURE_RATE

    @property
    def ready(self) -> bool:
        """Whether the next tick would carry sound."""
        source = self._current()
        return source is not None and self._can_start(source)

    def foreseen(self, limit: int) -> int:
        """How many of the next ``limit`` ticks are certain: sound that arrives later cannot change
        them, except that it may start sooner in silent ones."""
        if self.held:
            return limit
        samples = 0
        for source in (*self._queue, self._live):
            if source is None:
                continue
            samples += source.available
            if not source.ended:
                ticks = (samples + self._held_back) // FEATURE_TICK - self._lookahead
                return max(0, min(limit, ticks))
        return limit

    def take(self) -> SpeechTick:
        """The next tick: speech if there is any, else silence.

        No silence is inserted into an utterance while a tick of it is buffered; one that ran dry
        waits until the look-ahead is buffered before it goes on.
        """
        audio = np.zeros(TICK, np.float32)
        speech = np.zeros(FEATURE_TICK, np.float32)
        cues: list[tuple[int, Cue]] = []
        spans: list[Span] = []
        filled = 0
        while filled < FEATURE_TICK and (source := self._current()) is not None:
            if not self._can_start(source):
                break
            source.primed = True
            count = min(FEATURE_TICK - filled, source.available)
            start = filled * RATIO
            audio[start : start + count * RATIO] = source.audio.pull(count * RATIO)
            speech[filled : filled + count] = source.speech.pull(count)
            spans.append(Span(source, start, count * RATIO, source.taken))
            cues += self._cues(source, start, count * RATIO)
            filled += count
            if source.ended and not source.available:
                at = min(filled * RATIO, TICK - 1)
                cues += [(at, cue) for cue in self._finish(source)]
        self._room.set()
        return SpeechTick(audio, speech, self._peek(), tuple(cues), tuple(spans))

    def put_back(self, tick: SpeechTick, start: int = 0) -> None:
        """Undo :meth:`take` for the sound of ``tick`` from sample ``start`` on.

        Put ticks back in the reverse order of taking them. Live sound is dropped instead.
        """
        start = -(-start // RATIO) * RATIO
        for span in reversed(tick.spans):
            source = span.source
            end = span.start + span.count
            first = min(max(span.start, start), end)
            cues = [(at, c) for at, c in tick.cues if c.utterance == source.name and at >= start]
            if source.live or (first == end and not cues):
                continue
            source.audio.put_back(tick.audio[first:end])
            source.speech.put_back(tick.speech[first // RATIO : end // RATIO])
            source.taken -= end - first
            for at, cue in reversed(cues):
                # take() makes the end cue again.
                if cue.kind != "end":
                    source.cues.appendleft((source.taken + at - first, cue))
            if source not in self._queue:
                self._queue.appendleft(source)

    def starves(self, source: SpeechSource) -> bool:
        """Whether ``source`` is not ended and lacks the sound to start."""
        return not source.ended and source.available < self._to_start

    @property
    def _to_start(self) -> int:
        """Samples with which a source can start."""
        return (1 + self._lookahead) * FEATURE_TICK - self._held_back

    def _current(self) -> SpeechSource | None:
        if self.held:
            return None
        return self._queue[0] if self._queue else self._live

    def _can_start(self, source: SpeechSource) -> bool:
        if source.ended:
            return True
        if source.available >= (FEATURE_TICK if source.primed else self._to_start):
            return True
        source.primed = False
        return False

    def _cues(self, source: SpeechSource, start: int, count: int) -> list[tuple[int, Cue]]:
        passed: list[tuple[int, Cue]] = []
        while source.cues and source.cues[0][0] < source.taken + count:
            position, cue = source.cues.popleft()
            passed.append((start + max(0, position - source.taken), cue))
        source.taken += count
        return passed

    def _finish(self, source: SpeechSource) -> list[Cue]:
        if source is self._live:
            self._live = None
        else:
            self._queue.popleft()
        left = [cue for _, cue in source.cues]
        source.cues.clear()
        return [*left, Cue("end", source.name, len(source.text))]

    def _peek(self) -> FloatArray:
        source = self._current()
        wanted = self._lookahead * FEATURE_TICK
        if source is None or not wanted or not source.primed:
            return np.empty(0, np.float32)
        ahead = source.speech.peek(wanted)
        # Silence follows the end, and stands in for what resampling holds back.
        known = wanted if source.ended else min(wanted, len(ahead) + self._held_back)
        whole = known // FEATURE_TICK * FEATURE_TICK
        return np.pad(ahead, (0, max(0, whole - len(ahead))))[:whole]
