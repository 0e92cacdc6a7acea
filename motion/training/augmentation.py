"""What rooms, microphones, codecs and surroundings do to speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from motion.training.phonemes import Segment, Utterance
from motion.training.spectrum import change_rate

Random = np.random.Generator


def warp_timbre(utterance: Utterance, random: Random) -> Utterance:
    """Another vocal tract: formants, pitch and tempo together, times still exact."""
    factor = float(np.exp(random.uniform(-0.26, 0.22)))
    segments = tuple(
        Segment(s.ipa, s.start * factor, s.end * factor, s.stressed) for s in utterance.segments
    )
    speech = change_rate(utterance.speech, 1.0, factor)
    return Utterance(speech, segments, utterance.voice)


def degrade(speech: FloatArray, random: Random) -> FloatArray:
    """A random chain of what happens to speech between the lips and our input.

    ``speech`` is mono at 16 kHz; times stay as they are (to within a millisecond).
    """
    heard = _through_room_and_microphone(speech, random)
    heard = _at_level(heard, random.uniform(-38.0, -14.0))
    if random.random() < 0.75:
        heard = add_noise(heard, random_noise(len(heard), random), random.uniform(0.0, 30.0))
    else:
        heard = add_noise(heard, random_noise(len(heard), random), random.uniform(30.0, 60.0))
    if random.random() < 0.1:
        heard = np.clip(heard * random.uniform(2.0, 12.0), -0.9, 0.9)
    if random.random() < 0.1:
        heard = _mu_law(heard)
    return np.clip(heard, -1.0, 1.0).astype(np.float32)


def add_noise(speech: FloatArray, noise: FloatArray, snr_db: float) -> FloatArray:
    """``speech`` with ``noise`` that is ``snr_db`` below the level of its loud parts."""
    signal = speech_level(speech)
    if signal < -80.0:
        signal = -45.0
    noise_level = 10.0 * np.log10(np.mean(noise**2) + 1e-12)
    gain = 10.0 ** ((signal - snr_db - noise_level) / 20.0)
    noisy: FloatArray = (speech + gain * noise).astype(np.float32)
    return noisy


def speech_level(speech: FloatArray) -> float:
    """Mean level in dB of full scale of the frames that are within 25 dB of the loudest."""
    frames = speech[: len(speech) // 320 * 320].reshape(-1, 320)
    if len(frames) == 0:
        return -90.0
    power = (frames**2).mean(axis=1) + 1e-12
    return float(10.0 * np.log10(power[power > power.max() * 10.0**-2.5].mean()))


def coloured_noise(samples: int, random: Random, exponent: float) -> FloatArray:
    """Noise of unit deviation whose power falls with frequency as ``f ** -exponent``."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1.0 / SPEECH_RATE)
    spectrum *= np.maximum(frequency, 30.0) ** (-exponent / 2.0)
    noise: FloatArray = np.fft.irfft(spectrum, samples).astype(np.float32)
    noise /= noise.std() + np.float32(1e-9)
    return noise


def random_noise(samples: int, random: Random) -> FloatArray:
    """Steady, swelling or musical noise of about unit deviation."""
    make: Callable[[int, Random], FloatArray] = _NOISES[random.integers(len(_NOISES))]
    return make(samples, random)


def _steady(samples: int, random: Random) -> FloatArray:
    return coloured_noise(samples, random, random.uniform(0.0, 2.0))


def _swelling(samples: int, random: Random) -> FloatArray:
    """Noise whose level wanders by some 10 dB: traffic, wind, a crowd."""
    knots = random.uniform(-8.0, 8.0, samples // 4000 + 2)
    gains = np.interp(np.arange(samples) / 4000.0, np.arange(len(knots)), knots)
    noise: FloatArray = (_steady(samples, random) * 10.0 ** (gains / 20.0)).astype(np.float32)
    return noise


def _music(samples: int, random: Random) -> FloatArray:
    """Chords of decaying harmonics with a beat."""
    time = np.arange(samples) / SPEECH_RATE
    music = np.zeros(samples)
    beat = random.uniform(0.3, 0.8)
    phase = (time % beat) / beat
    root = random.uniform(90.0, 300.0)
    chord = np.floor(time / (4 * beat)).astype(int)
    roots = root * 2.0 ** (random.integers(-5, 6, chord.max() + 1) / 12.0)
    for interval in (0, 4, 7):
        angle = 2.0 * np.pi * np.cumsum(roots[chord] * 2.0 ** (interval / 12.0)) / SPEECH_RATE
        for harmonic in range(1, 6):
            music += np.sin(harmonic * angle + random.uniform(0, 6)) / harmonic**1.2
    music *= np.exp(-1.5 * phase)
    music += 0.3 * random.standard_normal(samples) * np.exp(-18.0 * phase)
    noise: FloatArray = (music / (music.std() + 1e-9)).astype(np.float32)
    return noise


_NOISES: Final = (_steady, _steady, _swelling, _music)


def _through_room_and_microphone(speech: FloatArray, random: Random) -> FloatArray:
    """Early and late reflections and a frequency response, in one filter."""
    taps = SPEECH_RATE // 2
    impulse = np.zeros(taps)
    impulse[0] = 1.0
    if random.random() < 0.6:
        decay = random.uniform(0.08, 0.5)
        tail = random.standard_normal(taps) * np.exp(-6.9 * np.arange(taps) / SPEECH_RATE / decay)
        tail[: random.integers(16, 160)] = 0.0
        direct_to_room = random.uniform(0.0, 20.0)
        impulse += tail * 10.0 ** (-direct_to_room / 20.0) / np.sqrt((tail**2).sum() + 1e-9)
    length = 1 << (len(speech) + taps - 1).bit_length()
    spectrum = np.fft.rfft(speech, length) * np.fft.rfft(impulse, length)
    spectrum *= _response(np.fft.rfftfreq(length, 1.0 / SPEECH_RATE).astype(np.float32), random)
    heard: FloatArray = np.fft.irfft(spectrum, length)[: len(speech)].astype(np.float32)
    return heard


def _response(frequency: FloatArray, random: Random) -> FloatArray:
    """Gain over frequency: a smooth random curve, sometimes with band edges."""
    knots = np.array([50.0, 150.0, 400.0, 1000.0, 2500.0, 5000.0, 8000.0])
    decibels = np.interp(
        np.log(np.maximum(frequency, 20.0)), np.log(knots), random.normal(0.0, 4.0, len(knots))
    )
    gain = 10.0 ** (decibels / 20.0)
    if random.random() < 0.3:
        gain *= 1.0 / (1.0 + (random.uniform(80.0, 300.0) / np.maximum(frequency, 1.0)) ** 4)
    if random.random() < 0.3:
        gain *= 1.0 / (1.0 + (frequency / random.uniform(3200.0, 7000.0)) ** 12)
    return gain.astype(np.float32)


def _at_level(speech: FloatArray, level_db: float) -> FloatArray:
    present = speech_level(speech)
    if present < -80.0:
        return speech
    scaled: FloatArray = speech * np.float32(10.0 ** ((level_db - present) / 20.0))
    return scaled


def _mu_law(speech: FloatArray) -> FloatArray:
    """8-bit companding of telephony (G.711)."""
    mu = 255.0
    compressed = np.sign(speech) * np.log1p(mu * np.minimum(np.abs(speech), 1.0)) / np.log1p(mu)
    coarse = np.round(compressed * 127.0) / 127.0
    expanded: FloatArray = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(mu)) / mu
    return expanded
