"""Synthetic speech for tests, at 16 kHz, the same in every run.

Breath and flutter of espeak-ng go on from call to call, and one time in fifteen they make another
word of a word. Only a process that has said nothing before begins at their beginning.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np

from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from motion.speech.espeak import Block, engine
from motion.training import espeak_voices
from motion.training.phonemes import Utterance
from streaming.resample import Resampler

Made = TypeVar("Made")


def afresh(make: Callable[..., Made], *given: object) -> Made:
    """What ``make(*given)`` returns in a new process, in which espeak-ng has said nothing yet."""
    with ProcessPoolExecutor(1, _forks()) as fresh:
        return fresh.submit(_seeded, make, *given).result()


def _seeded(make: Callable[..., Made], *given: object) -> Made:
    engine().seed(1)
    return make(*given)


@cache
def _forks() -> multiprocessing.context.ForkServerContext:
    """Processes are forked off one that has done nothing but import this module."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@cache
def block_of(text: str, voice: str = "en-us") -> Block:
    """``text`` spoken by espeak-ng, at the engine's rate."""
    return afresh(_synthesize, text, voice)


def _synthesize(text: str, voice: str) -> Block:
    return engine().synthesize(text, voice)


@cache
def utterance_of(text: str, voice: str = "en-us") -> Utterance:
    """``text`` spoken by espeak-ng, with its segments."""
    return afresh(espeak_voices.utter, text, voice)


@cache
def spoken(text: str, voice: str = "en-us") -> FloatArray:
    """``text`` spoken by espeak-ng: float32 [n] at 16 kHz with a peak of 0.5."""
    resampler = Resampler(engine().rate, SPEECH_RATE)
    sound = np.concatenate([resampler.push(block_of(text, voice).pcm), resampler.flush()])
    return sound * np.float32(0.5 / np.abs(sound).max())


def silence(seconds: float) -> FloatArray:
    return np.zeros(round(seconds * SPEECH_RATE), np.float32)
