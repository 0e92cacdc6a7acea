"""The training corpus: clips of speech and silence with the motion that belongs to them.

    python -m motion.training.corpus --out build/corpus --hours 6 --seed 0

writes shards (``*.npz``) of features, motion and labels at 25 fps. The seed decides everything. A
third of the speech is of recorded voices (``--recorded-seconds 0`` does without festival and
flite).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from motion.contract import EMOTIONS, SAMPLES_PER_FRAME, SPEECH_RATE, Controls
from motion.emotion import add_mood, ease, emotion_offsets
from motion.features import LogMelFeatures
from motion.idle import IdleState, idle_motion
from motion.layout import FPS, SCALE, FloatArray, expression, neutral_motion
from motion.speech.espeak import engine
from motion.training import espeak_voices, recorded
from motion.training.augmentation import degrade, random_noise, warp_timbre
from motion.training.coarticulation import mouth_motion, speaking
from motion.training.phonemes import Segment, Utterance
from motion.training.visemes import BILABIALS
from motion.training.vocoder import revoice

CLIP_SECONDS: Final = 12.0
FEATURE_STEP: Final = 0.025
FEATURE_FLOOR: Final = -2.0
"""Features are stored as bytes: ``floor + step * byte`` (half a decibel each)."""

SILENT_SHARE: Final = 0.07
WARPED_SHARE: Final = 0.5
WARPED_SHARE_RECORDED: Final = 0.85
"""Few recorded voices have to stand for many."""
NEUTRAL_SHARE: Final = 0.4

_OPENNESS_OF_EMOTION: Final = {
    "anger": 0.12, "happiness": 0.1, "surprise": 0.1, "fear": 0.03, "sadness": -0.15,
    "contempt": -0.1,
}  # fmt: skip
"""How much further the mouth opens in speech at full intensity."""


Pool = list[list[Utterance]]
"""Recorded utterances by voice."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Who speaks in a corpus; all are shares from 0 to 1."""

    recorded: float = 0.42
    """Of the speech: that of recorded voices, where there are any."""
    revoiced: float = 0.0
    """Of recorded speech: that with speakers made of the few (:mod:`motion.training.vocoder`)."""
    invented: float = 0.6
    """Of espeak-ng's speech: that with invented timbres, since its own are too few to generalise
    from."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A few seconds of a session, at 25 fps."""

    features: FloatArray
    """[n, 160]"""
    motion: FloatArray
    """[n, 70]"""
    voice: FloatArray
    """Share of each frame that is speech [n]."""
    closed: FloatArray
    """1 where the lips are shut for a bilabial [n]."""
    controls: Controls


def assemble(
    utterances: Sequence[Utterance],
    seconds: float,
    random: np.random.Generator,
    lead: float | None = None,
) -> Utterance:
    """Utterances one after another with pauses between them, ``seconds`` long.

    The first begins after ``lead`` seconds, at random without it.
    """
    speech = np.zeros(round(seconds * FPS) * SAMPLES_PER_FRAME, np.float32)
    segments: list[Segment] = []
    at = random.uniform(0.0, 1.5) if lead is None else lead
    for utterance in utterances:
        offset = round(at * SPEECH_RATE)
        part = utterance.speech[: max(len(speech) - offset, 0)]
        speech[offset : offset + len(part)] += part
        at = offset / SPEECH_RATE
        segments += [
            Segment(s.ipa, s.start + at, s.end + at, s.stressed)
            for s in utterance.segments
            if s.start + at < seconds
        ]
        at += len(utterance.speech) / SPEECH_RATE + random.exponential(0.6)
    return Utterance(speech, tuple(segments), "+".join(u.voice for u in utterances))


def make_clip(
    utterance: Utterance, heard: FloatArray, controls: Controls, seed: int, mood: FloatArray
) -> Clip:
    """The clip of an utterance that is ``heard`` as given, beginning in the ``mood [70]``."""
    features, _ = LogMelFeatures().step(LogMelFeatures().init_state(), heard)
    n = len(features)
    voice, stress = speaking(utterance.segments, n)
    closed = closed_frames(utterance, n)
    # A pre-roll of random length: else all clips would blink at the same frame.
    _, idle = idle_motion(IdleState(seed), *np.zeros((2, 30 + seed % 120), np.float32))
    motion, _ = idle_motion(idle[-1], voice, stress)
    motion[:, SCALE] += 1.0
    moods = ease(mood, emotion_offsets(controls), n)
    add_mood(motion, moods, voice, closed)
    openness = 1.0 + _OPENNESS_OF_EMOTION.get(controls.emotion, 0.0) * controls.intensity
    expression(motion)[:] += openness * mouth_motion(utterance, n).reshape(n, -1, 3)
    return Clip(features, motion, voice, closed, controls)


def closed_frames(utterance: Utterance, frames: int) -> FloatArray:
    """1 for the frame nearest to the middle of each bilabial [frames]."""
    closed = np.zeros(frames, np.float32)
    for segment in utterance.segments:
        frame = int(0.5 * (segment.start + segment.end) * FPS)
        if segment.ipa in BILABIALS and frame < frames:
            closed[frame] = 1.0
    return closed


def random_clip(pool: Pool, random: np.random.Generator, mix: Mix | None = None) -> Clip:
    """A clip of random speech, mood and surroundings; recorded speech comes from ``pool``."""
    mix = mix or Mix()
    utterances: list[Utterance] = []
    if random.random() >= SILENT_SHARE:
        use_pool = len(pool) > 0 and random.random() < mix.recorded
        left = CLIP_SECONDS
        while left > 0.0:
            if use_pool:
                voice = pool[int(random.integers(len(pool)))]
                utterance = voice[int(random.integers(len(voice)))]
                if mix.revoiced > 0.0 and random.random() < mix.revoiced:
                    utterance = revoice(utterance, random)
            else:
                utterance = espeak_voices.random_utterance(random, False, mix.invented)
            if random.random() < (WARPED_SHARE_RECORDED if use_pool else WARPED_SHARE):
                utterance = warp_timbre(utterance, random)
            utterances.append(utterance)
            left -= len(utterance.speech) / SPEECH_RATE + 0.8
    whole = assemble(utterances, CLIP_SECONDS, random)
    speech = whole.speech
    if not utterances:
        level = 10.0 ** (random.uniform(-80.0, -30.0) / 20.0)
        speech = (level * random_noise(len(speech), random)).astype(np.float32)
    heard = degrade(speech, random) if random.random() < 0.85 else speech
    mood = emotion_offsets(_random_controls(random))
    seed = int(random.integers(1 << 40))
    return make_clip(whole, heard, _random_controls(random), seed, mood)


def _random_controls(random: np.random.Generator) -> Controls:
    if random.random() < NEUTRAL_SHARE:
        return Controls("none" if random.random() < 0.5 else "neutral")
    emotion = EMOTIONS[random.integers(len(EMOTIONS) - 1)]
    return Controls(emotion, round(float(random.uniform(0.3, 1.0)), 2))


def record_pool(seconds: float, random: np.random.Generator) -> Pool:
    """At least ``seconds`` of each recorded voice that training may hear, by voice.

    Raises :class:`recorded.SynthesizerError` where festival or flite or a voice is missing.
    """
    pool: Pool = []
    for voice in recorded.RECORDED_VOICES:
        if voice.held_out:
            continue
        made: list[Utterance] = []
        while _seconds(made) < seconds:
            made += recorded.record(voice, 20, random)
        pool.append(made)
    return pool


def _seconds(utterances: Sequence[Utterance]) -> float:
    return sum(len(u.speech) for u in utterances) / SPEECH_RATE


def write_shard(path: Path, clips: Sequence[Clip]) -> None:
    """Store clips as bytes and half floats, about 330 bytes a frame."""
    features = np.stack([c.features for c in clips])
    coded = np.clip(np.round((features - FEATURE_FLOOR) / FEATURE_STEP), 0, 255)
    np.savez(
        path,
        features=coded.astype(np.uint8),
        # Without the scale of 1, around which half floats are too coarse for a breath.
        motion=(np.stack([c.motion for c in clips]) - neutral_motion()).astype(np.float16),
        voice=np.stack([c.voice for c in clips]).astype(np.float16),
        closed=np.stack([c.closed for c in clips]).astype(np.uint8),
        emotion=np.array([EMOTIONS.index(c.controls.emotion) for c in clips], np.uint8),
        intensity=np.array([c.controls.intensity for c in clips], np.float32),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the training corpus.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--recorded-seconds", type=float, default=900.0, help="of each voice")
    usual = Mix()
    parser.add_argument("--recorded-share", type=float, default=usual.recorded, help="of speech")
    parser.add_argument(
        "--revoiced-share", type=float, default=usual.revoiced, help="of recorded speech"
    )
    parser.add_argument("--invented-share", type=float, default=usual.invented, help="of timbres")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    if options.revoiced_share > 0.0 and find_spec("pyworld") is None:
        parser.error("--revoiced-share needs pyworld: pip install '.[corpus]'")
    mix = Mix(options.recorded_share, options.revoiced_share, options.invented_share)
    options.out.mkdir(parents=True, exist_ok=True)
    engine().seed(options.seed)
    pool: Pool = []
    if options.recorded_seconds > 0:
        pool = record_pool(options.recorded_seconds, np.random.default_rng((options.seed, 1)))
    per_shard = max(1, round(options.hours * 3600 / CLIP_SECONDS / options.shards))
    for shard in range(options.shards):
        random = np.random.default_rng((options.seed, 2, shard))
        clips = [random_clip(pool, random, mix) for _ in range(per_shard)]
        write_shard(options.out / f"{shard:03d}.npz", clips)
        print(f"shard {shard}: {per_shard} clips of {CLIP_SECONDS:g} s", flush=True)


if __name__ == "__main__":
    main()
