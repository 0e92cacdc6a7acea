"""Articulation from log-mel features, by rules: a few named cues of what the mouth does.

A vowel is placed on the IPA chart by its spectrum: height from the first formant (energy around
700 Hz against that below 450 Hz), spread or round from the second (energy around 2.3 kHz against
that between). Hissing shows the teeth. A dip of energy without hiss, inside speech, closes the
lips. Everything is relative to a running speech level and to a running noise floor.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.features import MELS, mel_bands, mel_centres
from motion.layout import FloatArray

ARTICULATION: Final = ("voice", "height", "place", "hiss", "closure", "stress")
"""Columns of an articulation row: see :func:`articulate`."""

_SILENCE_DB: Final = -90.0
_BAND_EDGES: Final = (0.0, 450.0, 1000.0, 1800.0, 3200.0, 8000.0)
_MARGIN: Final = 3.0
"""Only power above this multiple of the noise floor counts as speech."""

# How the noise floor and the speech level move, per row of 40 ms.
_NOISE_RISE_DB: Final = 0.1
_HUM_RISE_DB: Final = 1.0
_NOISE_FALL: Final = 0.4
_PEAK_ATTACK: Final = 0.6
_PEAK_RELEASE_DB: Final = 0.5

# Spectra that differ less than this from a smooth one are noise, more than that may be vowels.
_BROAD_DB: Final = 2.5
_VOWEL_DB: Final = 5.0
_HUM_FLUX_DB: Final = 0.5
"""Spectra that change less than this from row to row are hums."""

_NOMINAL_PEAK_DB: Final = -45.0
_QUIETEST_PEAK_DB: Final = -66.0
_PEAK_OVER_NOISE_DB: Final = 15.0


def _band_matrix() -> FloatArray:
    """Means over five wide bands, [40, 5]."""
    centres = mel_centres()
    inside = [(centres >= low) & (centres < high) for low, high in itertools.pairwise(_BAND_EDGES)]
    masks = np.stack(inside, axis=1).astype(np.float32)
    matrix: FloatArray = masks / masks.sum(axis=0)
    return matrix


def _detrend_matrix() -> FloatArray:
    """[40, 40] matrix that removes level, tilt and curvature from a spectrum."""
    position = np.linspace(-1.0, 1.0, MELS)
    basis = np.stack([np.ones(MELS), position, position**2], axis=1)
    matrix: FloatArray = (np.eye(MELS) - basis @ np.linalg.pinv(basis)).astype(np.float32)
    return matrix


_BANDS: Final = _band_matrix()
_DETREND: Final = _detrend_matrix()


@dataclass(frozen=True, slots=True)
class Levels:
    """Running estimates of the speech level and the noise floor."""

    noise: FloatArray
    """Noise floor in dB of each mel band [40]."""
    last: FloatArray
    """Spectrum in dB of the last row [40]."""
    peak: float = _NOMINAL_PEAK_DB
    """Level in dB of the loudest of the recent speech."""


def initial_levels() -> Levels:
    silence = np.full(MELS, _SILENCE_DB, np.float32)
    return Levels(silence, silence)


def articulate(features: FloatArray, levels: Levels) -> tuple[list[Levels], FloatArray]:
    """The levels after each row of ``features [n, 160]``, and articulation [n, 6].

    Columns, each a function of its own row and the levels before it: voice 0..1 (how much vowel
    there is), height 0 (close) .. 1 (open), place -1 (spread) .. 1 (round), hiss 0..1, closure
    0..1 (at the most closed of the row's four hops), stress 0..1 (loudness by the recent peak).
    """
    spectra = mel_bands(features)
    means = spectra.mean(axis=1)
    structure = np.sqrt(((means @ _DETREND) ** 2).mean(axis=1))
    flux = np.abs(np.diff(means, axis=0, prepend=levels.last[None])).mean(axis=1)
    noise = _follow_noise(levels.noise, means, structure, flux)
    power = 10.0 ** (spectra / 10.0) - _MARGIN * 10.0 ** (noise[:, None] / 10.0)
    hops = np.maximum(power, 0.0) @ _BANDS
    loudness = _decibels(hops[..., 1:4].mean(axis=(1, 2)))
    peaks = _follow_peak(levels.peak, loudness, noise, structure)
    history = [Levels(n, m, float(p)) for n, m, p in zip(noise, means, peaks, strict=True)]
    return history, _cues(hops, peaks, structure)


def _follow_noise(
    noise: FloatArray, means: FloatArray, structure: FloatArray, flux: FloatArray
) -> FloatArray:
    """The noise floor [n, 40] after each spectrum of ``means [n, 40]``.

    Noise differs from a smooth spectrum by 1 to 2 dB, vowels by 8 to 18. A spectrum without
    formants becomes the floor at once, whatever its level; one that does not change, such as a
    hum, raises it within two seconds; any other raises it slowly.
    """
    floors = np.empty_like(means)
    for i, mean in enumerate(means):
        change = mean - noise
        if structure[i] < _BROAD_DB:
            rise = change
        else:
            limit = _HUM_RISE_DB if flux[i] < _HUM_FLUX_DB else _NOISE_RISE_DB
            rise = np.minimum(change, limit)
        noise = noise + np.where(change > 0, rise, _NOISE_FALL * change)
        floors[i] = noise
    return floors


def _follow_peak(
    peak: float, loudness: FloatArray, noise: FloatArray, structure: FloatArray
) -> FloatArray:
    """The level [n] of loud speech after each row: up at once, down slowly and by speech alone."""
    peaks = np.empty_like(loudness)
    least = np.maximum(noise.mean(axis=1) + _PEAK_OVER_NOISE_DB, _QUIETEST_PEAK_DB)
    spoken = (loudness > least) & (structure > _VOWEL_DB)
    for i, level in enumerate(loudness):
        if spoken[i]:
            peak -= _PEAK_RELEASE_DB
        peak = max(peak, float(least[i]))
        peak += _PEAK_ATTACK * max(0.0, float(level) - peak)
        peaks[i] = peak
    return peaks


def _cues(hops: FloatArray, peaks: FloatArray, structure: FloatArray) -> FloatArray:
    """Articulation [n, 6] from powers [n, 4 hops, 5 bands] over the noise."""
    relative = _decibels(hops.mean(axis=1)) - peaks[:, None]
    low, first, second, third, top = relative.T
    body = np.maximum(low - 6.0, relative[:, 1:4].max(axis=1))
    voice = _ramp(body, -24.0, -8.0) * _ramp(structure, 1.5, 3.0)
    height = _ramp(first - low, -18.0, 14.0)
    spread = _ramp(third - np.maximum(first, second), -2.0, 12.0)
    back = _ramp(np.maximum(low, first) - second, 6.0, 22.0)
    close = _ramp(low - first, 0.0, 12.0)
    place = np.maximum(back, close) * (1.0 - spread) - spread
    hiss = _ramp(top - np.maximum(low, first), 2.0, 12.0) * _ramp(top, -24.0, -12.0)
    hush = _ramp(third - top, -10.0, -2.0)  # sh, with rounded lips, against s
    place += hiss * _ramp(top - low, 12.0, 24.0) * (hush - place)
    closure = _closure(_decibels(hops) - peaks[:, None, None])
    stress = _ramp(body, -10.0, 4.0)
    cues: FloatArray = np.stack([voice, height, place, hiss, closure, stress], axis=1)
    return cues


def _closure(hops: FloatArray) -> FloatArray:
    """How closed the lips are [n] at the most closed of the hops [n, 4, 5], in dB of the peak.

    Lips close in a gap (p, b) or a murmur (m), both without what the tongue adds above 2 kHz.
    """
    low, first, second, third = (hops[..., band] for band in range(4))
    gap = 1.0 - _ramp(hops[..., 1:4].max(axis=-1), -26.0, -16.0)
    murmur = _ramp(low - first, 1.0, 5.0) * _ramp(second - third, 6.0, 11.0)
    murmur *= _ramp(first, -13.0, -18.0)
    labial = _ramp(second - third, -9.0, -3.0)
    closure: FloatArray = np.maximum(gap * labial, murmur).max(axis=1)
    return closure


def _decibels(power: FloatArray) -> FloatArray:
    levels: FloatArray = 10.0 * np.log10(power + np.float32(1e-9))
    return levels


def _ramp(values: FloatArray, zero: float, one: float) -> FloatArray:
    ramp: FloatArray = np.minimum(np.maximum((values - zero) * (1.0 / (one - zero)), 0.0), 1.0)
    return ramp
