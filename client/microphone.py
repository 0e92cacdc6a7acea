"""A microphone made of arrays: off at first, then it sends what it is given in real time, and
silence in between."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import AudioFrame
from av.audio.resampler import AudioResampler

RATE: Final = 48_000
_PACKET: Final = 960
"""Samples in a packet (20 ms)."""


class ArrayMicrophone(AudioStreamTrack):
    """The track to send; :meth:`play` adds sound."""

    def __init__(self) -> None:
        super().__init__()
        self._queued = np.empty(0, np.int16)
        self._sent = 0
        self._began: float | None = None
        self._on = asyncio.Event()

    def play(self, pcm: npt.NDArray[np.float32], rate: int) -> float:
        """Append mono ``pcm [n]`` in [-1, 1]; returns the seconds until all of it is sent."""
        samples = np.clip(pcm * 32767, -32768, 32767).astype(np.int16)
        self._queued = np.concatenate((self._queued, _resample(samples, rate)))
        self._on.set()
        return len(self._queued) / RATE

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        await self._on.wait()
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        await asyncio.sleep(max(0.0, self._began + self._sent / RATE - now))
        packet = np.zeros((1, _PACKET), np.int16)
        taken = self._queued[:_PACKET]
        packet[0, : len(taken)] = taken
        self._queued = self._queued[_PACKET:]
        frame = AudioFrame.from_ndarray(packet, format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = self._sent
        self._sent += _PACKET
        return frame


def _resample(samples: npt.NDArray[np.int16], rate: int) -> npt.NDArray[np.int16]:
    if rate == RATE:
        return samples
    frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    parts = [part.to_ndarray()[0] for end in (frame, None) for part in resampler.resample(end)]
    return np.concatenate(parts) if parts else samples[:0]
