"""Lip sync against the truth on voices outside the training data, and how lively the face is.

    python -m benchmarks.lipsync --json

Speech comes from espeak-ng's held-out voices and from recorded voices of festival and flite, with
the times of its phonemes, from which the articulation model makes the true motion. Needs Debian's
packages flite, festival, festvox-kdlpc16k and festvox-italp16k; without them the ``human`` figures
are missing, and without a trained model those of ``moda``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.emotion_classifier import CLASSES, EmotionClassifier
from benchmarks.face_metrics import (
    blinks_per_minute,
    closed_share,
    diversity,
    head_motion,
    jerk,
    join_jump_ratio,
    lip_speed,
    theval,
)
from benchmarks.lipsync_metrics import Take, lip_metrics, spoken
from benchmarks.lipsync_speech import (
    CONDITIONS,
    SEED,
    espeak_speech,
    human_speech,
    spoil,
    truth_of,
)
from benchmarks.report import show
from benchmarks.sync_scores import sync_scores
from motion.contract import SAMPLES_PER_FRAME, Controls, Identity, MotionGenerator
from motion.features import LogMelFeatures
from motion.generator import BUILT_IN, MODEL_FILE, CausalMoDA, Sampling
from motion.layout import FPS, FloatArray
from motion.training.augmentation import coloured_noise
from motion.training.phonemes import Utterance
from motion.training.recorded import SynthesizerError
from motion.training.sync import SYNC_FILE, SyncExpert, load_expert
from motion.yardstick import Yardstick
from renderer.library import avatar_names, open_avatar

_SHIFTS_MS: Final = (40, 80, 120)
_SEEDS: Final = 5
_CHUNKS: Final = (4, 8)

Results = dict[str, float]


def move(
    generator: MotionGenerator[Any],
    identity: Identity,
    speech: FloatArray,
    chunk: int,
    controls: Controls | None = None,
    seed: int = 1,
    lookahead: int | None = None,
) -> FloatArray:
    """Motion [n, 70] as a live session makes it, ``chunk`` frames at a time.

    ``lookahead`` limits the frames of sound ahead of a chunk; None: as many as the generator uses.
    """
    extractor = LogMelFeatures()
    features, _ = extractor.step(extractor.init_state(), speech)
    wanted = replace(controls or Controls(), seed=seed)
    state = generator.init_state(identity)
    reach = generator.lookahead if lookahead is None else lookahead
    parts = []
    for at in range(0, len(features), chunk):
        end = min(at + chunk, len(features))
        ahead = features[end : end + reach]
        part, (*_, state) = generator.step(state, features[at:end], ahead, wanted)
        parts.append(part)
    return np.concatenate(parts)


def measure_speech(
    generator: MotionGenerator[Any],
    identity: Identity,
    speech: Sequence[Utterance],
    chunk: int,
    expert: SyncExpert | None,
) -> Results:
    """Lip metrics in all conditions; for clean speech, also how the face moves."""
    results: Results = {}
    truths = [truth_of(u) for u in speech]
    for condition in CONDITIONS:
        takes = [
            Take(u, truth, move(generator, identity, spoil(u.speech, condition, i), chunk))
            for i, (u, truth) in enumerate(zip(speech, truths, strict=True))
        ]
        figures = lip_metrics(takes)
        if not condition:
            figures |= _smoothness(takes)
            figures |= {f"theval.{k}": v for k, v in _theval(takes).items()}
            if expert is not None:
                figures |= sync_scores(expert, takes)
        results |= {f"{condition}.{key}": value for key, value in figures.items()}
    return results


def _smoothness(takes: Sequence[Take]) -> Results:
    """Jerk and speeds of the lips relative to the truth's."""
    made = np.concatenate([t.motion for t in takes])
    truth = np.concatenate([t.truth for t in takes])
    return {
        "jerk_ratio": jerk(made) / jerk(truth),
        "speed_p50_ratio": lip_speed(made, 0.5) / lip_speed(truth, 0.5),
        "speed_p95_ratio": lip_speed(made, 0.95) / lip_speed(truth, 0.95),
    }


def _theval(takes: Sequence[Take]) -> Results:
    each = [theval(t.motion, t.utterance.speech, spoken(t.utterance, len(t.motion))) for t in takes]
    return {key: float(np.mean([figures[key] for figures in each])) for key in each[0]}


def measure_silence(
    generator: MotionGenerator[Any], identity: Identity, chunk: int, minutes: float
) -> Results:
    """What the face does while nobody speaks."""
    random = np.random.default_rng(SEED + 2)
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


def measure_rest(
    generator: MotionGenerator[Any], identity: Identity, speech: Sequence[Utterance], chunk: int
) -> Results:
    """Whether the mouth is closed half a second after the last word, for three seconds."""
    rests = []
    silence = np.zeros(round(3.5 * FPS) * SAMPLES_PER_FRAME, np.float32)
    for utterance in speech:
        end = round((max(s.end for s in utterance.segments) + 0.5) * FPS)
        heard = np.concatenate([utterance.speech, silence])
        rests.append(move(generator, identity, heard, chunk)[end : end + 3 * FPS])
    return {"after_speech.mouth_closed": closed_share(np.concatenate(rests))}


def measure_choice(
    generator: MotionGenerator[Any], identity: Identity, speech: Sequence[Utterance], chunk: int
) -> Results:
    """How much seeds differ, and whether emotions can be recognised."""
    longest = max(speech, key=lambda u: len(u.speech)).speech
    takes = [move(generator, identity, longest, chunk, seed=seed) for seed in range(_SEEDS)]
    results = {f"diversity.{key}": value for key, value in diversity(takes).items()}
    moods = [
        (emotion, move(generator, identity, u.speech, chunk, Controls(emotion), seed))
        for emotion in CLASSES
        for seed, u in enumerate(speech[:4])
    ]
    return results | {"emotion_accuracy": EmotionClassifier().accuracy(moods)}


def measure_joins(folder: Path, identity: Identity, speech: Sequence[Utterance]) -> Results:
    """Jumps where chunks join, relative to those elsewhere."""
    sound = np.concatenate([u.speech for u in speech[:12]])
    results: Results = {}
    for chunk in _CHUNKS:
        generator = CausalMoDA.load(folder, Sampling(chunk=chunk))
        ratio = join_jump_ratio(move(generator, identity, sound, chunk), chunk)
        results[f"join_jump_ratio_chunk{chunk}"] = ratio
    return results | {"join_jump_ratio": max(results.values())}


def measure_truth(speech: Sequence[Utterance], expert: SyncExpert | None) -> Results:
    """The same metrics for the truth, on time and delayed, as a scale for the other figures."""
    results: Results = {}
    truths = [truth_of(u) for u in speech]
    for shift in (0, *_SHIFTS_MS):
        frames = shift * FPS // 1000
        takes = [
            Take(u, t, np.concatenate([np.repeat(t[:1], frames, 0), t[: len(t) - frames]]))
            for u, t in zip(speech, truths, strict=True)
        ]
        figures = lip_metrics(takes) if shift else _theval(takes)
        if expert is not None:
            figures |= sync_scores(expert, takes)
        name = f"late{shift}ms" if shift else "in_time"
        results |= {f"{name}.{key}": value for key, value in figures.items()}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="folder of a shipped model")
    parser.add_argument("--sentences", type=int, default=12, help="per recorded voice")
    parser.add_argument("--chunk", type=int, default=4, help="frames made at a time")
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes of silence")
    options = parser.parse_args()

    identity = open_avatar(avatar_names()[0], 256)
    sets = {"espeak": espeak_speech(3 * options.sentences)}
    try:
        sets["human"] = human_speech(options.sentences)
    except SynthesizerError as error:
        sys.stderr.write(f"no recorded voices: {error}\n")
    generators: dict[str, MotionGenerator[Any]] = {"yardstick": Yardstick()}
    expert: SyncExpert | None = None
    results: Results = {}
    if (options.model / MODEL_FILE).exists():
        generators["moda"] = CausalMoDA.load(options.model)
        expert = load_expert(options.model / SYNC_FILE)
        joins = measure_joins(options.model, identity, sets["espeak"])
        results |= {f"moda.{key}": value for key, value in joins.items()}
    else:
        sys.stderr.write(f"no trained model in {options.model}\n")
    for name, generator in generators.items():
        figures: Results = {}
        for kind, speech in sets.items():
            measured = measure_speech(generator, identity, speech, options.chunk, expert)
            figures |= {f"{kind}{key}": value for key, value in measured.items()}
        figures |= measure_silence(generator, identity, options.chunk, options.minutes)
        figures |= measure_rest(generator, identity, sets["espeak"], options.chunk)
        figures |= measure_choice(generator, identity, sets["espeak"], options.chunk)
        results |= {f"{name}.{key}": value for key, value in figures.items()}
    for kind, speech in sets.items():
        measured = measure_truth(speech, expert)
        results |= {f"truth.{kind}.{key}": value for key, value in measured.items()}
    show("lipsync", results, as_json=options.json)


if __name__ == "__main__":
    main()
