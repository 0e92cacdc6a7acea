"""Synthetic speech for tests, at 16 kHz."""

from __future__ import annotations

from functools import cache

import numpy as np

from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from motion.speech.espeak import engine
from streaming.resample import Resampler


@cache
def spoken(text: str, voice: str = "en-us") -> FloatArray:
    """``text`` spoken by espeak-ng: float32 [n] at 16 kHz with a peak of 0.5."""
    block = engine().synthesize(text, voice)
    resampler = Resampler(engine().rate, SPEECH_RATE)
    sound = np.concatenate([resampler.push(block.pcm), resampler.flush()])
    return sound * np.float32(0.5 / np.abs(sound).max())


def silence(seconds: float) -> FloatArray:
    return np.zeros(round(seconds * SPEECH_RATE), np.float32)
