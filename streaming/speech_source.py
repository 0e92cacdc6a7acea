"""The sound of one utterance, at the two rates at which it is needed.

48 kHz is for the listener and 16 kHz for the motion features; both are made from the same samples,
so that both mean the same instant.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from streaming.clock import SAMPLE_RATE, TICK
from streaming.resample import FloatArray, Resampler

FEATURE_RATE: Final = 16_000
FEATURE_TICK: Final = FEATURE_RATE * TICK // SAMPLE_RATE
"""Feature-rate samples per tick."""
RATIO: Final = SAMPLE_RATE // FEATURE_RATE


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that happens at a sample of an utterance."""

    kind: Literal["start", "word", "end"]
    utterance: str
    heard: int = 0
    """Characters of the text that have been heard once this cue has passed."""


class _Fifo:
    """A queue of samples that gives out slices without copying what stays."""

    def __init__(self) -> None:
        self._chunks: deque[FloatArray] = deque()
        self.size = 0

    def push(self, pcm: FloatArray) -> None:
        if len(pcm):
            self._chunks.append(pcm)
            self.size += len(pcm)

    def put_back(self, pcm: FloatArray) -> None:
        """Let ``pcm`` be the first samples again."""
        if len(pcm):
            self._chunks.appendleft(pcm)
            self.size += len(pcm)

    def pull(self, count: int) -> FloatArray:
        """The first ``count`` samples, padded with silence where there are fewer."""
        out = np.zeros(count, np.float32)
        filled = 0
        while filled < count and self._chunks:
            head = self._chunks.popleft()
            part = head[: count - filled]
            out[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(head):
                self._chunks.appendleft(head[len(part) :])
        self.size -= filled
        return out

    def peek(self, count: int) -> FloatArray:
        """Up to ``count`` of the first samples, left where they are."""
        parts: list[FloatArray] = []
        missing = count
        for chunk in self._chunks:
            if missing <= 0:
                break
            parts.append(chunk[:missing])
            missing -= len(parts[-1])
        return np.concatenate(parts) if parts else np.empty(0, np.float32)


@dataclass(eq=False, slots=True)
class SpeechSource:
    """The sound of one utterance, filled by whoever makes it; both rates advance together.

    Once its buffer has been cleared it belongs to nobody, and filling it does nothing.
    """

    name: str
    text: str = ""
    live: bool = False
    ended: bool = False
    primed: bool = False
    """Whether enough is buffered to start (again)."""
    taken: int = 0
    """48 kHz samples given out so far."""
    pushed_seconds: float = 0.0
    """Seconds of sound that were pushed so far."""
    cues: deque[tuple[int, Cue]] = field(default_factory=deque)
    audio: _Fifo = field(default_factory=_Fifo)
    speech: _Fifo = field(default_factory=_Fifo)
    _rate: int = 0
    _resamplers: tuple[Resampler, Resampler] | None = None

    def push(self, pcm: FloatArray, rate: int) -> None:
        """Add mono float32 samples; raises ValueError for a rate outside 8-192 kHz."""
        if self.ended:
            return
        if self._resamplers is None or rate != self._rate:
            self._drain()
            self._resamplers = (Resampler(rate, SAMPLE_RATE), Resampler(rate, FEATURE_RATE))
            self._rate = rate
        self.audio.push(self._resamplers[0].push(pcm))
        self.speech.push(self._resamplers[1].push(pcm))
        self.pushed_seconds += len(pcm) / rate

    def cue(self, sample: int, rate: int, heard: int) -> None:
        """Mark a word that begins at ``sample`` (at ``rate``), after which ``heard`` characters
        of the text have been heard."""
        self.cues.append((sample * SAMPLE_RATE // rate, Cue("word", self.name, heard)))

    def end(self) -> None:
        """All of it is there."""
        if not self.ended:
            self._drain()
            self.ended = True

    def _drain(self) -> None:
        if self._resamplers is None:
            return
        self.audio.push(self._resamplers[0].flush())
        self.speech.push(self._resamplers[1].flush())
        self._resamplers = None
        # The two filters round their lengths apart by a few samples: level them.
        short = self.speech.size * RATIO - self.audio.size
        if short > 0:
            self.audio.push(np.zeros(short, np.float32))
        elif short < 0:
            self.speech.push(np.zeros(-(short // RATIO), np.float32))
            self.audio.push(np.zeros(self.speech.size * RATIO - self.audio.size, np.float32))

    @property
    def available(self) -> int:
        """Feature-rate samples that can be given out at both rates."""
        return min(self.speech.size, self.audio.size // RATIO)
