"""New speakers from recorded ones: speech taken apart into source and throat by the WORLD vocoder.

A few recorded voices have to stand for many. Pitch, liveliness, throat and breath are changed
independently here, which resampling cannot do (Morise et al. 2016).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from motion.training.phonemes import Utterance

_F0_HZ: Final = (70.0, 380.0)
_KNOTS: Final = 6
_BEND: Final = 0.07


def revoice(utterance: Utterance, random: np.random.Generator) -> Utterance:
    """The utterance by a speaker that nobody recorded; times stay as they are.

    Needs the package pyworld (extra ``corpus``).
    """
    import pyworld

    speech = utterance.speech.astype(np.float64)
    coarse, times = pyworld.dio(speech, SPEECH_RATE)
    f0 = pyworld.stonemask(speech, coarse, times, SPEECH_RATE)
    envelope = pyworld.cheaptrick(speech, f0, times, SPEECH_RATE)
    aperiodicity = pyworld.d4c(speech, f0, times, SPEECH_RATE)
    spoken = pyworld.synthesize(
        _intone(f0, random),
        _reshape(envelope, random),
        _breathe(aperiodicity, random),
        SPEECH_RATE,
    )
    heard = spoken[: len(speech)].astype(np.float32)
    heard = np.pad(heard, (0, len(speech) - len(heard)))
    heard *= np.float32(speech.std() / (heard.std() + 1e-9))
    return Utterance(heard, utterance.segments, f"{utterance.voice}+world")


def _intone(f0: FloatArray, random: np.random.Generator) -> FloatArray:
    """Pitch in Hz [t] of another mean and range; 0 where there is no voice."""
    voiced = f0 > 0.0
    if not voiced.any():
        return f0
    log = np.log(f0[voiced])
    intoned = f0.copy()
    mean = random.uniform(*np.log(_F0_HZ))
    liveliness = np.exp(random.normal(0.0, 0.4))
    intoned[voiced] = np.exp(mean + liveliness * (log - log.mean())).clip(50.0, 600.0)
    return intoned


def _reshape(envelope: FloatArray, random: np.random.Generator) -> FloatArray:
    """Spectral envelope [t, bins] of another throat, and its slope."""
    bins = envelope.shape[1]
    at = np.linspace(0.0, 1.0, bins)
    # Bent more finely where the first formants are.
    bends = np.interp(at, np.linspace(0.0, 1.0, _KNOTS) ** 2, random.normal(0.0, _BEND, _KNOTS))
    factor = np.exp(random.uniform(-0.2, 0.2) + bends)
    source = np.maximum.accumulate((np.arange(bins) * factor).clip(0.0, bins - 1.0))
    low = source.astype(int)
    high = np.minimum(low + 1, bins - 1)
    share = source - low
    log = np.log(envelope + 1e-16)
    warped = log[:, low] * (1.0 - share) + log[:, high] * share
    warped += random.normal(0.0, 1.0) * (at - 0.3)
    reshaped: FloatArray = np.ascontiguousarray(np.exp(warped))
    return reshaped


def _breathe(aperiodicity: FloatArray, random: np.random.Generator) -> FloatArray:
    """Share of noise in the source [t, bins], more of it in one voice of three."""
    if random.random() > 0.35:
        return aperiodicity
    breath = random.uniform(0.1, 0.7)
    breathy: FloatArray = 1.0 - (1.0 - aperiodicity) * (1.0 - breath)
    return breathy
