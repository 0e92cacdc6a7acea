"""From log-mel features to what the mouth does: a few named cues, no learning.

A vowel is placed on the IPA chart by its spectrum: height from the first formant (energy around
700 Hz against that below 450 Hz), spread or round from the second (energy around 2.3 kHz against
that between). Hissing shows the teeth. A dip of energy without hiss, inside speech, closes the
lips. Everything is relative to a running speech level and to a running noise floor.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.features import MELS, mel_bands, mel_centres
from motion.layout import FloatArray

ARTICULATION: Final = ("voice", "height", "place", "hiss", "closure", "stress")
"""Columns of an articulation row: see :func:`articulate`."""

_SILENCE_DB: Final = -90.0
_BAND_EDGES: Final = (0.0, 450.0, 1000.0, 1800.0, 3200.0, 8000.0)
_NOISE_RISE_DB: Final = 0.1
_NOISE_FALL: Final = 0.4
_BROAD_DB: Final = 2.5
_NOMINAL_PEAK_DB: Final = -42.0
_QUIETEST_PEAK_DB: Final = -57.0
_PEAK_OVER_NOISE_DB: Final = 15.0
_PEAK_ATTACK: Final = 0.6
_PEAK_RELEASE_DB: Final = 0.12


def _band_matrix() -> FloatArray:
    """Means over five wide bands, [40, 5]."""
    centres = mel_centres()
    inside = [(centres >= low) & (centres < high) for low, high in itertools.pairwise(_BAND_EDGES)]
    masks = np.stack(inside, axis=1).astype(np.float32)
    matrix: FloatArray = masks / masks.sum(axis=0)
    return matrix


def _detrend_matrix() -> FloatArray:
    """[40, 40] that takes a spectrum to what is left of it without level, tilt and curvature."""
    position = np.linspace(-1.0, 1.0, MELS)
    basis = np.stack([np.ones(MELS), position, position**2], axis=1)
    matrix: FloatArray = (np.eye(MELS) - basis @ np.linalg.pinv(basis)).astype(np.float32)
    return matrix


_BANDS: Final = _band_matrix()
_VOWEL_BANDS: Final = _BANDS[:, 1:4].mean(axis=1)
_DETREND: Final = _detrend_matrix()


@dataclass(frozen=True, slots=True)
class Levels:
    """What is loud and what is noise, so far."""

    noise: FloatArray
    """Noise floor in dB of each mel band [40]."""
    peak: float = _NOMINAL_PEAK_DB
    """Level in dB of the loudest of the recent speech."""


def initial_levels() -> Levels:
    return Levels(np.full(MELS, _SILENCE_DB, np.float32))


def articulate(features: FloatArray, levels: Levels) -> tuple[list[Levels], FloatArray]:
    """The levels after each row of ``features [n, 160]``, and articulation [n, 6].

    Columns, each a function of its own row and the levels before it: voice 0..1 (how much vowel
    there is), height 0 (close) .. 1 (open), place -1 (spread) .. 1 (round), hiss 0..1, closure
    0..1 (at the most closed of the row's four hops), stress 0..1 (loudness by the recent peak).
    """
    spectra = mel_bands(features)
    rows = np.zeros((len(features), len(ARTICULATION)), np.float32)
    history = []
    for i, spectrum in enumerate(spectra):
        levels = _follow(levels, spectrum)
        history.append(levels)
        rows[i] = _cues(spectrum, levels)
    return history, rows


def _follow(levels: Levels, spectrum: FloatArray) -> Levels:
    mean = spectrum.mean(axis=0)
    change = mean - levels.noise
    # Broad noise has no formants: it is taken for the floor at once, whatever its level.
    rise = change if _structure(mean) < _BROAD_DB else np.minimum(change, _NOISE_RISE_DB)
    noise = levels.noise + np.where(change > 0, rise, _NOISE_FALL * change)
    level = _decibel(float(_excess(mean, noise) @ _VOWEL_BANDS))
    floor = float(noise.mean()) + _PEAK_OVER_NOISE_DB
    peak = max(levels.peak - _PEAK_RELEASE_DB, _QUIETEST_PEAK_DB, floor)
    return Levels(noise.astype(np.float32), peak + _PEAK_ATTACK * max(0.0, level - peak))


def _structure(mean: FloatArray) -> float:
    """How far in dB a spectrum [40] is from a smooth one: noise 1 to 2, vowels 8 to 18."""
    residual = _DETREND @ mean
    return math.sqrt(float(residual @ residual) / MELS)


def _excess(spectrum: FloatArray, noise: FloatArray) -> FloatArray:
    """Power over three times the noise floor."""
    power: FloatArray = np.maximum(10.0 ** (spectrum / 10.0) - 3.0 * 10.0 ** (noise / 10.0), 0.0)
    return power


def _cues(spectrum: FloatArray, levels: Levels) -> tuple[float, ...]:
    hops = _excess(spectrum, levels.noise) @ _BANDS
    low, first, second, third, top = (_decibel(p) - levels.peak for p in hops.mean(axis=0))
    body = max(low - 6.0, first, second, third)
    voice = _ramp(body, -24.0, -8.0)
    voice *= _ramp(_structure(spectrum.mean(axis=0)), 1.5, 3.0)
    height = _ramp(first - low, -18.0, 14.0)
    spread = _ramp(third - max(first, second), -2.0, 12.0)
    back = _ramp(max(low, first) - second, 6.0, 22.0)
    close = _ramp(low - first, 0.0, 12.0)
    place = max(back, close) * (1.0 - spread) - spread
    hiss = _ramp(top - max(low, first), 2.0, 12.0) * _ramp(top, -24.0, -12.0)
    closure = _closure(10.0 * np.log10(hops + 1e-9) - levels.peak)
    return voice, height, place, hiss, closure, _ramp(body, -10.0, 4.0)


def _closure(hops: FloatArray) -> float:
    """How closed the lips are at the most closed of the hops [4, 5], in dB of the peak.

    Lips close in a gap (p, b) or a murmur (m), both without what the tongue adds above 2 kHz.
    """
    low, first, second, third, _ = hops.T
    gap = 1.0 - _ramps(hops[:, 1:4].max(axis=1), -26.0, -16.0)
    murmur = _ramps(low - first, 4.0, 10.0) * _ramps(second - third, 4.0, 10.0)
    labial = _ramps(second - third, -9.0, -3.0)
    return float(np.maximum(gap * labial, murmur).max())


def _decibel(power: float) -> float:
    return 10.0 * math.log10(power + 1e-9)


def _ramp(value: float, zero: float, one: float) -> float:
    return min(1.0, max(0.0, (value - zero) / (one - zero)))


def _ramps(values: FloatArray, zero: float, one: float) -> FloatArray:
    ramps: FloatArray = np.clip((values - zero) / (one - zero), 0.0, 1.0)
    return ramps
