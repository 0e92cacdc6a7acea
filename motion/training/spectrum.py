"""Resampling of whole clips in the spectrum."""

from __future__ import annotations

import numpy as np

from motion.layout import FloatArray


def change_rate(samples: FloatArray, source: float, target: float) -> FloatArray:
    """``samples`` at rate ``source`` as samples at rate ``target``, same duration.

    The clip is taken as periodic; use it on clips that begin and end in silence.
    """
    length = round(len(samples) * target / source)
    if length == len(samples) or len(samples) == 0:
        return samples.astype(np.float32)
    padded = _fast_length(len(samples))
    out_length = round(padded * target / source)
    spectrum = np.fft.rfft(samples, padded)
    kept = np.zeros(out_length // 2 + 1, spectrum.dtype)
    n = min(len(kept), len(spectrum))
    kept[:n] = spectrum[:n]
    resampled = np.fft.irfft(kept, out_length) * (out_length / padded)
    return resampled[:length].astype(np.float32)


def _fast_length(length: int) -> int:
    """The next length with small prime factors, a multiple of 441 so that 22.05 kHz to 16 kHz
    maps whole numbers to whole numbers."""
    blocks = -(-length // 441)
    return 441 * (1 << (blocks - 1).bit_length()) if blocks < 8 else 441 * (-(-blocks // 8) * 8)
