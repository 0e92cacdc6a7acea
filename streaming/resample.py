"""Sample-rate conversion of a stream, by FFmpeg's resampler."""

from __future__ import annotations

from typing import Final

import av
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

MIN_RATE: Final = 8_000
MAX_RATE: Final = 192_000


class Resampler:
    """Converts mono float32 chunks of one stream from ``source`` to ``target`` Hz.

    The output is aligned with the input; the filter only delays when samples become available,
    and :meth:`flush` returns the rest. Raises ValueError for a source outside 8-192 kHz.
    """

    def __init__(self, source: int, target: int) -> None:
        if not MIN_RATE <= source <= MAX_RATE:
            raise ValueError(
                f"a sample rate of {source} Hz is not supported; send {MIN_RATE} to {MAX_RATE} Hz"
            )
        self._source = source
        self._resampler = (
            av.AudioResampler(format="flt", layout="mono", rate=target)
            if source != target
            else None
        )

    def push(self, pcm: FloatArray) -> FloatArray:
        """Samples that became available with ``pcm [n]``; possibly none."""
        if self._resampler is None:
            return pcm
        if not len(pcm):
            return np.empty(0, np.float32)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm[None], np.float32), format="flt", layout="mono"
        )
        frame.sample_rate = self._source
        return _join(self._resampler.resample(frame))

    def flush(self) -> FloatArray:
        """The samples still inside the filter; the resampler is spent after it."""
        return _join(self._resampler.resample(None)) if self._resampler else _join([])


def _join(frames: list[av.AudioFrame]) -> FloatArray:
    # Read in place: PyAV's to_ndarray goes through a stack of planes.
    arrays = [
        np.frombuffer(memoryview(frame.planes[0]), np.float32, frame.samples) for frame in frames
    ]
    return np.concatenate(arrays) if arrays else np.empty(0, np.float32)


def to_float(pcm: npt.NDArray[np.int16]) -> FloatArray:
    """s16 samples as float32 in [-1, 1)."""
    return pcm.astype(np.float32) / np.float32(32_768)


def to_s16(pcm: FloatArray) -> npt.NDArray[np.int16]:
    """Float samples as s16, clipped."""
    scaled: npt.NDArray[np.int16] = np.clip(pcm * 32_768, -32_768, 32_767).astype(np.int16)
    return scaled


def mono(frame: av.AudioFrame) -> FloatArray:
    """All channels of a packed s16 frame, mixed to float32 [n]."""
    channels = frame.layout.nb_channels
    packed = np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples * channels)
    samples = to_float(packed)
    if channels == 1:
        return samples
    mixed: FloatArray = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    return mixed
