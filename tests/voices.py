"""Synthetic speech for tests, at 16 kHz."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
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


@cache
def first_spoken(text: str, voice: str = "en-us", seed: int = 1) -> FloatArray:
    """As :func:`spoken`, but always the same sound, made in a process that spoke nothing before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_seeded, text, voice, seed).result()


def _seeded(text: str, voice: str, seed: int) -> FloatArray:
    engine().seed(seed)
    return spoken(text, voice)


def silence(seconds: float) -> FloatArray:
    return np.zeros(round(seconds * SPEECH_RATE), np.float32)
