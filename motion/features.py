"""Causal log-mel features of speech at 25 fps.

Each row holds four hops of 10 ms, oldest first, with 40 log-mel bands each (:func:`mel_bands`
undoes the stacking). A hop's window of 25 ms ends where the hop ends, so a row sees nothing after
its own 40 ms. The scaling is fixed, nothing adapts to the clip: 0 is -50 dB of full scale, one
unit is 20 dB, and the floor (-90 dB, about the noise of 16-bit sound) is -2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE, FeatureExtractor, Stepped
from motion.layout import FloatArray

HOPS: Final = 4
"""Hops per row."""

MELS: Final = 40
"""Mel bands per hop, evenly spaced in mel from 0 to 8 kHz."""

_HOP: Final = SAMPLES_PER_FRAME // HOPS
_WINDOW: Final = 400
_FFT: Final = 512
_PREEMPHASIS: Final = 0.97
_FLOOR_DB: Final = -90.0
_ZERO_DB: Final = -50.0
_UNIT_DB: Final = 20.0


def mel_centres() -> FloatArray:
    """Centre frequencies in Hz of the mel bands [40]."""
    return _mel_edges()[1:-1].astype(np.float32)


def mel_bands(features: FloatArray) -> FloatArray:
    """Levels in dB of full scale [n, 4 hops, 40 bands] of ``features [n, 160]``."""
    return (features * _UNIT_DB + _ZERO_DB).reshape(-1, HOPS, MELS)


@dataclass(frozen=True, slots=True)
class LogMelState:
    """The samples that windows and pre-emphasis reach back to, oldest first."""

    past: FloatArray


class LogMelFeatures(FeatureExtractor[LogMelState]):
    """Stateless; one object serves any number of sessions."""

    dim = HOPS * MELS

    def __init__(self) -> None:
        # The scale makes the peak of a full-scale sine's spectrum 0 dB (before pre-emphasis).
        window = np.hanning(_WINDOW + 1)[:-1]
        self._window = window * (2.0 / window.sum())
        self._filters = _mel_filters()

    def init_state(self) -> LogMelState:
        return LogMelState(np.zeros(_WINDOW - _HOP + 1, np.float32))

    def step(self, state: LogMelState, speech: FloatArray) -> Stepped[LogMelState]:
        if speech.ndim != 1 or len(speech) % SAMPLES_PER_FRAME:
            raise ValueError(
                f"speech must be [n * {SAMPLES_PER_FRAME}] samples, not {list(speech.shape)}"
            )
        frames = len(speech) // SAMPLES_PER_FRAME
        if frames == 0:
            return np.zeros((0, self.dim), np.float32), (state,)
        samples = np.concatenate([state.past, np.asarray(speech, np.float32)])
        # In double precision a row does not depend on how the sound was cut into chunks.
        exact = samples.astype(np.float64)
        emphasised = exact[1:] - _PREEMPHASIS * exact[:-1]
        windows = np.lib.stride_tricks.sliding_window_view(emphasised, _WINDOW)[::_HOP]
        spectrum = np.fft.rfft(windows * self._window, _FFT)
        power = (spectrum.real**2 + spectrum.imag**2) @ self._filters
        level = 10.0 * np.log10(power + 10.0 ** (_FLOOR_DB / 10.0))
        features = ((level - _ZERO_DB) / _UNIT_DB).astype(np.float32)
        ends = range(len(state.past), len(samples) + 1, SAMPLES_PER_FRAME)
        states = [LogMelState(samples[end - len(state.past) : end]) for end in ends]
        return features.reshape(frames, self.dim), states


def _mel_edges() -> npt.NDArray[np.float64]:
    """Edges in Hz [42] of triangular bands (O'Shaughnessy's mel scale)."""
    top = 2595.0 * np.log10(1.0 + SPEECH_RATE / 2 / 700.0)
    edges: npt.NDArray[np.float64] = 700.0 * (
        10.0 ** (np.linspace(0.0, top, MELS + 2) / 2595.0) - 1.0
    )
    return edges


def _mel_filters() -> npt.NDArray[np.float64]:
    """Weights [257, 40] from FFT bins to bands; each band sums to one, so that white noise has the
    same level in all of them."""
    bins = np.arange(_FFT // 2 + 1) * (SPEECH_RATE / _FFT)
    edges = _mel_edges()
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: npt.NDArray[np.float64] = triangles / triangles.sum(axis=0)
    return filters
