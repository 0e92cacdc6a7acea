"""Lip sync against the truth, on voices that no training heard.

    python -m benchmarks.lipsync --json

Speech comes from espeak-ng's held-out voices and from recorded voices of festival and flite, with
the times of their phonemes; the truth is the motion that the articulation model makes of those
times. Needs Debian's packages flite, festival, festvox-kdlpc16k and festvox-italp16k; without them
the ``human`` figures are missing, and without a trained model those of ``moda``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.lipsync_metrics import (
    Take,
    blinks_per_minute,
    closed_share,
    head_motion,
    jerk,
    join_jump_ratio,
    lip_metrics,
)
from benchmarks.report import show
from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE, Controls, Identity, MotionGenerator
from motion.features import LogMelFeatures
from motion.generator import BUILT_IN, MODEL_FILE, CausalMoDA
from motion.layout import EXP, FPS, FloatArray, neutral_motion
from motion.training import espeak_voices, recorded
from motion.training.augmentation import add_noise, coloured_noise
from motion.training.coarticulation import mouth_motion
from motion.training.corpus import assemble
from motion.training.phonemes import Utterance
from motion.yardstick import Yardstick
from renderer.library import avatar_names, open_avatar

_SEED: Final = 20_000
_NOISE_DB: Final = (20, 10, 5)
_SHIFTS_MS: Final = (40, 80, 120)
_MARGIN_S: Final = 0.6


def espeak_speech(count: int) -> list[Utterance]:
    """Held-out languages and timbres of espeak-ng."""
    random = np.random.default_rng(_SEED)
    return [_framed(espeak_voices.random_utterance(random, held_out=True)) for _ in range(count)]


def human_speech(count: int) -> list[Utterance]:
    """``count`` sentences of each held-out recorded voice.

    Raises :class:`motion.training.recorded.SynthesizerError`.
    """
    random = np.random.default_rng(_SEED + 1)
    utterances: list[Utterance] = []
    for voice in recorded.RECORDED_VOICES:
        if voice.held_out:
            words = recorded.sentences(voice, count, random)
            utterances += [_framed(u) for u in recorded.record(voice, words, random)]
    return utterances


def _framed(utterance: Utterance) -> Utterance:
    """The utterance at a common level, with silence around it."""
    seconds = len(utterance.speech) / SPEECH_RATE + 2 * _MARGIN_S
    random = np.random.default_rng(0)
    loud = Utterance(
        utterance.speech * np.float32(0.1 / (utterance.speech.std() + 1e-6)),
        utterance.segments,
        utterance.voice,
    )
    return assemble([loud], seconds, random, lead=_MARGIN_S)


def move(
    generator: MotionGenerator[Any],
    identity: Identity,
    speech: FloatArray,
    chunk: int,
    controls: Controls | None = None,
    seed: int = 1,
) -> FloatArray:
    """Motion [n, 70] as a live session makes it, ``chunk`` frames at a time."""
    extractor = LogMelFeatures()
    features, _ = extractor.step(extractor.init_state(), speech)
    wanted = replace(controls or Controls(), seed=seed)
    state = generator.init_state(identity)
    parts = []
    for at in range(0, len(features), chunk):
        end = min(at + chunk, len(features))
        ahead = features[end : end + generator.lookahead]
        part, (*_, state) = generator.step(state, features[at:end], ahead, wanted)
        parts.append(part)
    return np.concatenate(parts)


def truth_of(utterance: Utterance) -> FloatArray:
    """True motion [n, 70] of the mouth."""
    motion = neutral_motion(len(utterance.speech) // SAMPLES_PER_FRAME)
    motion[:, EXP] = mouth_motion(utterance, len(motion))
    return motion


def measure_speech(
    generator: MotionGenerator[Any], identity: Identity, speech: Sequence[Utterance], chunk: int
) -> dict[str, float]:
    """Lip metrics on clean speech and in noise."""
    results: dict[str, float] = {}
    truths = [truth_of(u) for u in speech]
    for name, snr in (("", None), *((f"{db}db", db) for db in _NOISE_DB)):
        takes = []
        for i, (utterance, truth) in enumerate(zip(speech, truths, strict=True)):
            heard = utterance.speech
            if snr is not None:
                noise = coloured_noise(len(heard), np.random.default_rng((_SEED, i)), 1.0)
                heard = add_noise(heard, noise, snr)
            takes.append(Take(utterance, truth, move(generator, identity, heard, chunk)))
        results |= {f"{name}.{key}": value for key, value in lip_metrics(takes).items()}
        if not name:
            results[".jerk_ratio"] = jerk(np.concatenate([t.motion for t in takes])) / jerk(
                np.concatenate(truths)
            )
            long = max(takes, key=lambda t: len(t.motion)).motion
            results[".join_jump_ratio"] = join_jump_ratio(long, chunk)
    return results


def measure_silence(
    generator: MotionGenerator[Any], identity: Identity, chunk: int, minutes: float
) -> dict[str, float]:
    """What the face does while nobody speaks."""
    random = np.random.default_rng(_SEED + 2)
    samples = round(minutes * 60 * FPS) * SAMPLES_PER_FRAME
    silent = move(generator, identity, np.zeros(samples, np.float32), chunk)
    room = 10.0 ** (-50.0 / 20.0) * coloured_noise(samples // 4, random, 1.0)
    room = room[: len(room) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].astype(np.float32)
    noisy = move(generator, identity, room, chunk)
    return {
        "silence.mouth_closed": closed_share(silent),
        "room_noise.mouth_closed": closed_share(noisy),
        "silence.blinks_per_minute": blinks_per_minute(silent),
        **{f"silence.{key}": value for key, value in head_motion(silent).items()},
    }


def measure_shifted(speech: Sequence[Utterance]) -> dict[str, float]:
    """The same metrics for the truth played late: the scale of each number."""
    results: dict[str, float] = {}
    truths = [truth_of(u) for u in speech]
    for shift in _SHIFTS_MS:
        frames = shift * FPS // 1000
        takes = [
            Take(u, t, np.concatenate([np.repeat(t[:1], frames, 0), t[:-frames]]))
            for u, t in zip(speech, truths, strict=True)
        ]
        results |= {f"late{shift}ms.{key}": value for key, value in lip_metrics(takes).items()}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="folder of a shipped model")
    parser.add_argument("--sentences", type=int, default=12, help="of each recorded voice")
    parser.add_argument("--chunk", type=int, default=4, help="frames made at a time")
    parser.add_argument("--minutes", type=float, default=3.0, help="of silence")
    options = parser.parse_args()

    identity = open_avatar(avatar_names()[0], 256)
    sets = {"espeak": espeak_speech(3 * options.sentences)}
    try:
        sets["human"] = human_speech(options.sentences)
    except recorded.SynthesizerError as error:
        sys.stderr.write(f"no recorded voices: {error}\n")
    results: dict[str, float] = {}
    generators: dict[str, MotionGenerator[Any]] = {"yardstick": Yardstick()}
    if (options.model / MODEL_FILE).exists():
        generators["moda"] = CausalMoDA(options.model)
    else:
        sys.stderr.write(f"no trained model in {options.model}\n")
    for name, generator in generators.items():
        for kind, speech in sets.items():
            figures = measure_speech(generator, identity, speech, options.chunk)
            results |= {f"{name}.{kind}{key}": value for key, value in figures.items()}
        silence = measure_silence(generator, identity, options.chunk, options.minutes)
        results |= {f"{name}.{key}": value for key, value in silence.items()}
    for kind, speech in sets.items():
        results |= {f"truth.{kind}.{key}": v for key, v in measure_shifted(speech).items()}
    show("lipsync", results, as_json=options.json)


if __name__ == "__main__":
    main()
