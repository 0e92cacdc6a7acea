"""Random numbers as functions of a seed and a position: nothing to carry along or rewind."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from motion.layout import FloatArray

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15


def uniform(seed: int, stream: int, index: int) -> float:
    """A number in [0, 1) for each (seed, stream, index)."""
    mixed = _mix(_mix((seed & _MASK) ^ _mix(stream * _GOLDEN & _MASK)) ^ (index & _MASK))
    return (mixed >> 11) * 2.0**-53


def wander(
    seed: int, stream: int, periods: FloatArray, frames: npt.NDArray[np.int64]
) -> FloatArray:
    """Smooth noise [n, c] at ``frames [n]`` with about unit deviation and mean zero.

    Channel i is a cubic B-spline through random knots ``periods[i]`` frames apart, so its velocity
    and acceleration are continuous and little is left above 1 / period.
    """
    position = frames[:, None] / periods.astype(np.float64)
    knot = np.floor(position)
    t = position - knot
    knots = knot.astype(np.int64)[..., None] + np.arange(4)
    channel = np.arange(len(periods), dtype=np.uint64)[:, None]
    base = np.uint64(_mix((seed & _MASK) ^ _mix(stream * _GOLDEN & _MASK)))
    with np.errstate(over="ignore"):
        mixed = _mix_array(_mix_array(base + channel) ^ knots.astype(np.uint64))
    # Uniform knots have a variance of 1/12, the spline leaves 0.479 of it on average.
    values = ((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53 - 0.5) * (12 / 0.479) ** 0.5
    u = 1.0 - t
    weights = (
        np.stack([u**3, 3 * t**3 - 6 * t**2 + 4, 3 * u**3 - 6 * u**2 + 4, t**3], axis=-1) / 6.0
    )
    smooth: FloatArray = (values * weights).sum(axis=-1).astype(np.float32)
    return smooth


def _mix(value: int) -> int:
    """The finaliser of splitmix64 (Steele et al. 2014)."""
    value = (value + _GOLDEN) & _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def _mix_array(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = values + np.uint64(_GOLDEN)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
