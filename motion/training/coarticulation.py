"""From phoneme times to the motion of the mouth, by dominance functions.

Cohen and Massaro 1993: each sound has a target and a dominance that rises before it and decays
after it; the mouth takes the mean of all targets weighted by their dominance. On top of that lips
really meet for bilabials and the lower lip really reaches the teeth for f and v.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE
from motion.layout import FPS, FloatArray
from motion.training.phonemes import PAUSE, Segment, Utterance
from motion.training.visemes import GROUPS, OPENNESS, PAUSE_VISEME, SHAPES, UNKNOWN, VISEMES

_DECAY_S: Final = np.array([0.045, 0.07, 0.04])
"""Time constants of openness, rounding and tongue."""
_CORE: Final = 0.5
"""Middle part of a segment in which its dominance is full."""
_LONG_PAUSE_S: Final = 0.2
_SHORT_PAUSE_DOMINANCE: Final = 0.35
_LEAD_S: Final = 0.06
"""The lips part at most this long before the first sound: a causal model cannot know of it
much earlier."""
_CLOSURE_RAMP_S: Final = 0.04
_RELEASE: Final = {"p": 0.7, "b": 0.8}
"""Part of a stop for which the lips are shut; the rest of it is burst and aspiration."""


def frame_times(frames: int) -> FloatArray:
    """Seconds at the middle of each frame, which is what a frame shows."""
    return ((np.arange(frames) + 0.5) / FPS).astype(np.float32)


def mouth_motion(utterance: Utterance, frames: int) -> FloatArray:
    """Mouth offsets [frames, 63] of an utterance, in canonical units."""
    if not utterance.segments:
        return np.zeros((frames, 63), np.float32)
    times = frame_times(frames)
    segments = _with_silence_around(utterance.segments, frames / FPS)
    visemes = [PAUSE_VISEME if s.ipa == PAUSE else VISEMES.get(s.ipa, UNKNOWN) for s in segments]
    targets = np.stack([v.target for v in visemes])
    targets[:, GROUPS[OPENNESS] > 0] *= amplitudes(utterance, segments)[:, None]

    numerator = np.zeros((frames, 63))
    for group, decay in enumerate(_DECAY_S):
        dominance = np.array([v.dominance[group] for v in visemes])
        weights = _dominances(segments, dominance, float(decay), times)
        blended = weights @ targets / weights.sum(axis=1, keepdims=True)
        numerator += blended * GROUPS[group]
    mouth = numerator.astype(np.float32)
    for segment, viseme in zip(segments, visemes, strict=True):
        if viseme.closure is not None:
            _close(mouth, segment, SHAPES[viseme.closure], times)
    return mouth


def speaking(segments: tuple[Segment, ...], frames: int) -> tuple[FloatArray, FloatArray]:
    """How much of each frame is speech, and how much of it a stressed vowel, both [frames]."""
    voice = np.zeros(frames, np.float32)
    stress = np.zeros(frames, np.float32)
    edges = np.arange(frames + 1) / FPS
    for segment in segments:
        if segment.ipa == PAUSE:
            continue
        share = np.minimum(edges[1:], segment.end) - np.maximum(edges[:-1], segment.start)
        share = np.clip(share * FPS, 0.0, 1.0)
        voice += share
        if segment.stressed and segment.ipa in VISEMES and VISEMES[segment.ipa].vowel:
            stress += share
    return np.minimum(voice, 1.0), np.minimum(stress, 1.0)


def amplitudes(utterance: Utterance, segments: list[Segment]) -> FloatArray:
    """Factors [n] on openness: stressed and loud sounds open the mouth further."""
    levels = np.array([_level(utterance.speech, s) for s in segments], np.float32)
    spoken = np.array([s.ipa != PAUSE for s in segments])
    reference = np.percentile(levels[spoken], 80) if spoken.any() else 0.0
    factors = 1.0 + 0.02 * np.clip(levels - reference, -10.0, 4.0)
    factors *= np.array([1.08 if s.stressed else 0.95 for s in segments], np.float32)
    result: FloatArray = np.where(spoken, factors, 1.0).astype(np.float32)
    return result


def _level(speech: FloatArray, segment: Segment) -> float:
    a, b = int(segment.start * SPEECH_RATE), int(segment.end * SPEECH_RATE)
    part = speech[max(a, 0) : max(b, 0)]
    return 10.0 * float(np.log10(np.mean(part**2) + 1e-7)) if len(part) else -70.0


def _with_silence_around(segments: tuple[Segment, ...], seconds: float) -> list[Segment]:
    far = SAMPLES_PER_FRAME / SPEECH_RATE + 1.0
    before = Segment(PAUSE, -far, segments[0].start)
    after = Segment(PAUSE, segments[-1].end, max(seconds, segments[-1].end) + far)
    return [before, *segments, after]


def _dominances(
    segments: list[Segment], strength: FloatArray, decay: float, times: FloatArray
) -> FloatArray:
    """Dominance [frames, segments]: full in a segment's core, exponential outside of it."""
    start = np.array([s.start for s in segments])
    end = np.array([s.end for s in segments])
    silent = np.array([s.ipa == PAUSE for s in segments])
    long = silent & (end - start >= _LONG_PAUSE_S)
    strength = np.where(silent & ~long, _SHORT_PAUSE_DOMINANCE * strength, strength)
    margin = np.where(long, 0.0, 0.5 * (1.0 - _CORE) * (end - start))
    core_start = np.where(long, start + 0.08, start + margin)
    core_end = np.where(long, end - _LEAD_S, end - margin)
    core_end = np.maximum(core_end, core_start)
    t = times[:, None]
    distance = np.maximum(np.maximum(core_start - t, t - core_end), 0.0)
    dominance: FloatArray = strength * np.exp(-distance / decay) + 1e-9
    return dominance


def _close(mouth: FloatArray, segment: Segment, shape: FloatArray, times: FloatArray) -> None:
    """Bring the mouth to ``shape`` while ``segment`` needs it, in at least one frame."""
    end = segment.start + _RELEASE.get(segment.ipa, 1.0) * (segment.end - segment.start)
    distance = np.maximum(np.maximum(segment.start - times, times - end), 0.0)
    weight = np.clip(1.0 - distance / _CLOSURE_RAMP_S, 0.0, 1.0)
    weight[np.argmin(np.abs(times - 0.5 * (segment.start + end)))] = 1.0
    near = np.flatnonzero(weight)
    vertical = (GROUPS[OPENNESS] > 0) | (np.abs(shape) > 0)
    blend = weight[near, None] * vertical
    mouth[near] += blend * (shape - mouth[near])
