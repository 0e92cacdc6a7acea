"""The sound of one utterance, resampled to the two rates at which it is used.

48 kHz is for the listener and 16 kHz for the motion features; both come from the same samples, so
that they stay aligned.
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
    """A mark at a sample of an utterance: its start, a word or its end."""

    kind: Literal["start", "word", "end"]
    utterance: str
    heard: int = 0
    """Characters of the text up to and with this cue."""


class _Fifo:
    """A FIFO of samples that does not copy the remaining ones."""

    def __init__(self) -> None:
        self._chunks: deque[FloatArray] = deque()
        self.size = 0

    def push(self, pcm: FloatArray) -> None:
        if len(pcm):
            self._chunks.append(pcm)
            self.size += len(pcm)

    def put_back(self, pcm: FloatArray) -> None:
        """Put ``pcm`` back at the front."""
        if len(pcm):
            self._chunks.appendleft(pcm)
            self.size += len(pcm)

    def pull(self, count: int) -> FloatArray:
        """Remove and return the first ``count`` samples, padded with silence if there are fewer."""
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
        """Up to ``count`` of the first samples, without removing them."""
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
    """The sound of one utterance, filled by its producer; both rates advance together.

    An ended source, such as one whose buffer was cleared, ignores further sound.
    """

    name: str
    text: str = ""
    live: bool = False
    ended: bool = False
    primed: bool = False
    """Whether enough is buffered to start (again)."""
    taken: int = 0
    """48 kHz samples taken so far."""
    pushed_seconds: float = 0.0
    """Seconds of sound pushed so far."""
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
        """The utterance is complete."""
        if not self.ended:
            self._drain()
            self.ended = True

    def _drain(self) -> None:
        if self._resamplers is None:
            return
        self.audio.push(self._resamplers[0].flush())
        self.speech.push(self._resamplers[1].flush())
        self._resamplers = None
        # The two resamplers' lengths differ by a few samples: pad the shorter one.
        short = self.speech.size * RATIO - self.audio.size
        if short > 0:
            self.audio.push(np.zeros(short, np.float32))
        elif short < 0:
            self.speech.push(np.zeros(-(short // RATIO), np.float32))
            self.audio.push(np.zeros(self.speech.size * RATIO - self.audio.size, np.float32))

    @property
    def available(self) -> int:
        """Feature-rate samples that are available at both rates."""
        return min(self.speech.size, self.audio.size // RATIO)
