"""Echo suppression: silences the microphone's sound where it is the avatar's own.

Browsers cancel echo before they send, but a residue of it, or a client without cancellation, would
let the avatar interrupt and answer itself. Echo is the played sound, delayed and attenuated, so it
correlates with it at one delay; another voice does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_server.conversation.vad import VAD_FRAME
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray

MAX_DELAY_SECONDS: Final = 0.75
"""Longest delay from playout through network, loudspeaker, room and back."""

_HALF: Final = 2
"""Factor of decimation before the comparison: rooms and codecs distort the upper band most."""
_WINDOW: Final = 4_096 // _HALF
"""Samples that are compared (256 ms): long enough that another voice's pitch is no match."""
_KEPT: Final = round(MAX_DELAY_SECONDS * SPEECH_RATE) // _HALF + _WINDOW

_QUIET: Final = 1e-3
"""Level (RMS) below which nothing is detected as speech anyway."""

# Thresholds of the correlation. In a room whose direct and reverberant echo are equally loud, 95 %
# of echo windows exceed 0.5, and 95 % of another voice's windows stay below 0.25.
_ECHO: Final = 0.4
_ECHO_AT_KNOWN_DELAY: Final = 0.25
_SAME_DELAY: Final = round(0.002 * SPEECH_RATE) // _HALF


def _band() -> FloatArray:
    """Low-pass at half the band, after a pre-emphasis that levels the spectrum of speech."""
    reach = np.arange(-16, 17)
    low = np.sinc(reach / _HALF) * np.hamming(len(reach)) / _HALF
    return np.convolve(low, [1.0, -0.9]).astype(np.float32)


_BAND: Final = _band()


@dataclass(frozen=True, slots=True, eq=False)
class _Signal:
    """The latest part of a stream, filtered and decimated for the comparison."""

    kept: FloatArray
    tail: FloatArray
    """Input that the filter needs again for the next output."""
    count: int = 0
    """Samples since the start of the stream."""

    def push(self, sound: FloatArray) -> _Signal:
        joined = np.concatenate([self.tail, sound])
        usable = len(joined) - (len(_BAND) - 1)
        whole = usable // _HALF * _HALF
        new = np.convolve(joined[: len(_BAND) - 1 + whole], _BAND, "valid")[:whole:_HALF]
        kept = np.concatenate([self.kept, new])[-len(self.kept) :].astype(np.float32, copy=False)
        return _Signal(kept, joined[whole:], self.count + whole // _HALF)


@dataclass(frozen=True, slots=True, eq=False)
class EchoState:
    played: _Signal
    heard: _Signal
    rest: FloatArray
    """Heard samples that do not fill a frame yet [< 512]."""
    offset: int | None = None
    """Delay at which echo was found last: position in the played less that in the heard stream."""


class EchoGuard:
    """Needs everything that is played, silence included, and everything that is heard."""

    def init_state(self) -> EchoState:
        def signal(size: int) -> _Signal:
            return _Signal(np.zeros(size, np.float32), np.zeros(len(_BAND) - 1, np.float32))

        return EchoState(signal(_KEPT), signal(_WINDOW), np.empty(0, np.float32))

    def play(self, state: EchoState, sound: FloatArray) -> EchoState:
        """Note that ``sound [n]`` at 16 kHz is played; returns the state after it."""
        return replace(state, played=state.played.push(sound))

    def hear(self, state: EchoState, sound: FloatArray) -> tuple[FloatArray, EchoState]:
        """Whole frames [512 m] of what was heard, silent where it is echo, and the state after.

        ``sound [n]`` at 16 kHz may have any length; what does not fill a frame waits.
        """
        waiting = np.concatenate([state.rest, sound])
        whole = len(waiting) // VAD_FRAME * VAD_FRAME
        frames = waiting[:whole].reshape(-1, VAD_FRAME).copy()
        for frame in frames:
            state = replace(state, heard=state.heard.push(frame))
            offset = _echo_offset(state)
            if offset is not None:
                state = replace(state, offset=offset)
                frame[:] = 0
        return frames.ravel(), replace(state, rest=waiting[whole:])


def _echo_offset(state: EchoState) -> int | None:
    """The delay at which the heard window matches the played stream; None if it is no echo."""
    heard, played = state.heard.kept, state.played.kept
    loudness = float(heard @ heard)
    if loudness < _WINDOW * _QUIET**2 or not played.any():
        return None
    size = 1 << (len(played) - 1).bit_length()
    spectrum = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    products = np.abs(np.fft.irfft(spectrum, size)[: len(played) - _WINDOW + 1])
    energy = np.cumsum(np.concatenate([[0.0], played.astype(np.float64) ** 2]))
    window_energy = energy[_WINDOW:] - energy[:-_WINDOW]
    # Near-silence correlates with anything.
    window_energy = np.maximum(window_energy, 1e-3 * window_energy.max())
    correlation = products / np.sqrt(window_energy * loudness)
    best = int(correlation.argmax())
    # Relative to the starts of the streams, so that network jitter does not change it.
    offset = state.played.count - state.heard.count - len(played) + _WINDOW + best
    known = state.offset is not None and abs(offset - state.offset) <= _SAME_DELAY
    return offset if correlation[best] >= (_ECHO_AT_KNOWN_DELAY if known else _ECHO) else None
