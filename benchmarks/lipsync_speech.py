"""Speech for the lip sync benchmark: voices outside the training data, clean and degraded."""

from __future__ import annotations

import io
from typing import Final

import av
import numpy as np

from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE
from motion.layout import EXP, FloatArray, neutral_motion
from motion.training import espeak_voices, recorded
from motion.training.augmentation import add_noise, coloured_noise
from motion.training.coarticulation import mouth_motion
from motion.training.corpus import assemble
from motion.training.phonemes import Utterance

SEED: Final = 20_000
CONDITIONS: Final = ("", "20db", "10db", "5db", "opus16k")
"""Clean, at signal-to-noise ratios, and after a codec."""

_OPUS_BITS: Final = 16_000
_MARGIN_S: Final = 0.6


def espeak_speech(count: int) -> list[Utterance]:
    """Speech in espeak-ng's held-out languages and timbres."""
    random = np.random.default_rng(SEED)
    return [framed(espeak_voices.random_utterance(random, held_out=True)) for _ in range(count)]


def human_speech(count: int) -> list[Utterance]:
    """``count`` sentences of each held-out recorded voice.

    Raises :class:`motion.training.recorded.SynthesizerError`.
    """
    random = np.random.default_rng(SEED + 1)
    utterances: list[Utterance] = []
    for voice in recorded.RECORDED_VOICES:
        if voice.held_out:
            utterances += [framed(u) for u in recorded.record(voice, count, random)]
    return utterances


def framed(utterance: Utterance) -> Utterance:
    """The utterance at a fixed level, with silence around it."""
    seconds = len(utterance.speech) / SPEECH_RATE + 2 * _MARGIN_S
    random = np.random.default_rng(0)
    loud = Utterance(
        utterance.speech * np.float32(0.1 / (utterance.speech.std() + 1e-6)),
        utterance.segments,
        utterance.voice,
    )
    return assemble([loud], seconds, random, lead=_MARGIN_S)


def truth_of(utterance: Utterance) -> FloatArray:
    """True motion [n, 70] of the mouth."""
    motion = neutral_motion(len(utterance.speech) // SAMPLES_PER_FRAME)
    motion[:, EXP] = mouth_motion(utterance, len(motion))
    return motion


def spoil(speech: FloatArray, condition: str, number: int) -> FloatArray:
    """``speech`` under one of :data:`CONDITIONS`; ``number`` seeds the noise."""
    if condition.endswith("db"):
        noise = coloured_noise(len(speech), np.random.default_rng((SEED, number)), 1.0)
        return add_noise(speech, noise, float(condition.removesuffix("db")))
    return through_opus(speech) if condition == "opus16k" else speech


def through_opus(speech: FloatArray) -> FloatArray:
    """``speech`` encoded at 16 kbit/s and decoded."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="ogg") as coded:
        stream = coded.add_stream("libopus", rate=SPEECH_RATE, layout="mono")
        stream.bit_rate = _OPUS_BITS
        frame = av.AudioFrame.from_ndarray(speech[None].astype(np.float32), "flt", "mono")
        frame.sample_rate = SPEECH_RATE
        coded.mux(stream.encode(frame))
        coded.mux(stream.encode(None))
    file.seek(0)
    resampler = av.AudioResampler("flt", "mono", SPEECH_RATE)
    parts = []
    with av.open(file, mode="r") as decoded:
        for frame in decoded.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    heard = np.concatenate(parts)[: len(speech)]
    return np.pad(heard, (0, len(speech) - len(heard))).astype(np.float32)
