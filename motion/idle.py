"""The idle process: blinks, gaze, breath, head motion, nods and brows, besides speech."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from motion.keypoints import BROWS, LID_TRAVEL, LIDS, Keypoint
from motion.layout import MOTION_DIM, PITCH, ROLL, SCALE, TRANSLATION, YAW, FloatArray, expression
from motion.noise import uniform, wander

_STREAM_WANDER, _STREAM_BLINK, _STREAM_LOOK, _STREAM_PAUSE, _STREAM_ACCENT = range(5)


_BLINK: Final = (0.35, 0.85, 1.0, 0.8, 0.45, 0.18, 0.05)
"""How closed the lids are, frame by frame."""
_DOUBLE_BLINKS: Final = 0.12

_HEAD_PERIODS: Final = (110.0, 95.0, 120.0, 26.0, 30.0, 34.0)
_HEAD_DEGREES: Final = (0.9, 1.5, 0.7, 0.9, 1.3, 0.8)
"""Pitch, yaw, roll: slow and always; then quick and only while speaking."""
_OTHER_PERIODS: Final = (150.0, 130.0, 260.0, 60.0, 6.0, 6.0)
"""Sway x, sway y, breath, brows, gaze x, gaze y."""
_PERIODS: Final = np.array(_HEAD_PERIODS + _OTHER_PERIODS, np.float32)

_RESEED_FRAMES: Final = 25
_BREATH_FRAMES: Final = 105
GAZE_PER_DEGREE: Final = 0.0011
"""Offset of ``GAZE`` that an eyeball of 12 mm radius makes per degree."""

_ACCENT_FRAMES: Final = 13
_ACCENT_PAUSE: Final = 7


@dataclass(frozen=True, slots=True)
class Event:
    """The current or next event of a kind, and the frames at which it begins and ends."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class IdleState:
    seed: int = 0
    former: tuple[tuple[int, int], ...] = ()
    """Former seeds, oldest first, each with the frame at which it was replaced."""
    frame: int = 0
    speaking: float = 0.0
    """How much has been spoken in the last second, 0..1."""
    stress: float = 0.0
    """Running mean of the stress while speaking."""
    blink: Event = Event(0, 25, 25)
    look: Event = Event(0, 0, 20)
    accent: Event = Event(0, -_ACCENT_FRAMES, 0)


def reseed(state: IdleState, seed: int) -> IdleState:
    """``state`` with another ``seed``, to which the head's motion is cross-faded."""
    if seed == state.seed:
        return state
    if state.frame == 0:
        return replace(state, seed=seed)
    former = (*_glides(state, state.frame), (state.seed, state.frame))
    return replace(state, seed=seed, former=former)


def _glides(state: IdleState, frame: int) -> tuple[tuple[int, int], ...]:
    """The former seeds whose cross-fade is not over at ``frame``."""
    return tuple((seed, left) for seed, left in state.former if frame + 1 < left + _RESEED_FRAMES)


def _seed_at(state: IdleState, frame: int) -> int:
    """The seed in effect at ``frame``, which is less than a cross-fade ago."""
    return next((seed for seed, left in state.former if frame < left), state.seed)


def idle_motion(
    state: IdleState, voice: FloatArray, stress: FloatArray
) -> tuple[FloatArray, list[IdleState]]:
    """Motion [n, 70] to add to that of the mouth, for ``voice [n]`` and ``stress [n]`` (0..1).

    With it come the n + 1 states before, between and after the frames. Scale is relative (0 leaves
    it). No two frames are alike, and nothing drifts: every part swings about a fixed mean.
    """
    events, states = _events(state, voice, stress)
    if len(events) == 0:
        return np.zeros((0, MOTION_DIM), np.float32), states
    frames = np.arange(state.frame, state.frame + len(events))
    speaking, lids, gaze_x, gaze_y, nod, brows = events.T
    noise = _wander(state, frames)
    noise[:, :6] *= _HEAD_DEGREES
    sway_x, sway_y, breath_phase, brow_noise, tremor_x, tremor_y = noise[:, 6:].T

    motion = np.zeros((len(events), MOTION_DIM), np.float32)
    slow, quick = noise[:, :3], noise[:, 3:6]
    head = slow * (0.8 + 0.4 * speaking[:, None]) + quick * (0.12 + 0.88 * speaking[:, None])
    motion[:, [PITCH, YAW, ROLL]] = head
    motion[:, PITCH] -= nod

    breath = np.sin(2.0 * math.pi * frames / _BREATH_FRAMES + 0.7 * breath_phase)
    motion[:, SCALE] = 0.0012 * breath
    motion[:, TRANSLATION.start] = 0.0025 * sway_x
    motion[:, TRANSLATION.start + 1] = 0.0012 * sway_y - 0.0016 * breath

    face = expression(motion)
    # The eyes hold their aim while the head turns, and tremble a little around it.
    face[:, Keypoint.GAZE, 0] = gaze_x + 0.0005 * tremor_x - GAZE_PER_DEGREE * motion[:, YAW]
    face[:, Keypoint.GAZE, 1] = gaze_y + 0.0004 * tremor_y + GAZE_PER_DEGREE * motion[:, PITCH]
    face[:, BROWS, 1] = -(brows + 0.0025 * brow_noise * (0.3 + 0.7 * speaking))[:, None]
    follow = 0.6 * face[:, Keypoint.GAZE, 1]
    face[:, LIDS, 1] = (follow + lids * (LID_TRAVEL - follow))[:, None]
    return motion, states


def _wander(state: IdleState, frames: npt.NDArray[np.int64]) -> FloatArray:
    """Noise [n, 12] of the seed, cross-faded from those of former seeds."""
    glides = _glides(state, int(frames[0]))
    seeds = [*(seed for seed, _ in glides), state.seed]
    noise = wander(seeds[0], _STREAM_WANDER, _PERIODS, frames)
    for (_, left), seed in zip(glides, seeds[1:], strict=True):
        share = np.clip((frames + 1 - left) / _RESEED_FRAMES, 0.0, 1.0).astype(np.float32)[:, None]
        weight = share * share * (3.0 - 2.0 * share)
        noise += weight * (wander(seed, _STREAM_WANDER, _PERIODS, frames) - noise)
    return noise


def _events(
    state: IdleState, voice: FloatArray, stress: FloatArray
) -> tuple[FloatArray, list[IdleState]]:
    """Columns speaking, lids, gaze x, gaze y, nod and brows [n, 6], and the states around them."""
    seed, speaking, mean = state.seed, state.speaking, state.stress
    blink, look, accent = state.blink, state.look, state.accent
    rows = np.empty((len(voice), 6), np.float32)
    frame = state.frame
    states = [state]
    for row, v, s in zip(rows, voice.tolist(), stress.tolist(), strict=True):
        speaking += (v - speaking) * (0.12 if v > speaking else 0.04)
        mean += 0.06 * v * (s - mean)
        if frame >= blink.end:
            blink = _next_blink(blink, seed)
        if frame >= look.end:
            look = _next_look(look, seed)
        if s > mean + 0.15 and frame >= accent.end + _ACCENT_PAUSE:
            accent = Event(accent.number + 1, frame, frame + _ACCENT_FRAMES)
        row[0] = speaking
        row[1] = _BLINK[frame - blink.start] if frame >= blink.start else 0.0
        row[2:4] = _gaze(look, frame, seed)
        row[4:6] = _accent(accent, frame, _seed_at(state, accent.start))
        frame += 1
        states.append(
            replace(
                state, frame=frame, speaking=speaking, stress=mean, blink=blink, look=look,
                accent=accent,
            )
        )  # fmt: skip
    return rows, states


def _next_blink(last: Event, seed: int) -> Event:
    """After a log-normal pause of about 2.7 s; now and then at once, as a double blink."""
    first = 3 * last.number
    if uniform(seed, _STREAM_BLINK, first) < _DOUBLE_BLINKS:
        pause = 2
    else:
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform(seed, _STREAM_BLINK, first + 1)))
        normal = radius * math.cos(2.0 * math.pi * uniform(seed, _STREAM_BLINK, first + 2))
        pause = int(min(max(67.0 * math.exp(0.5 * normal), 15.0), 200.0))
    start = last.end + pause
    return Event(last.number + 1, start, start + len(_BLINK))


def _next_look(last: Event, seed: int) -> Event:
    """A fixation of half a second to three seconds."""
    share = uniform(seed, _STREAM_PAUSE, last.number)
    return Event(last.number + 1, last.end, last.end + 12 + int(60 * share * share))


def _gaze(look: Event, frame: int, seed: int) -> tuple[float, float]:
    """Offsets of ``GAZE``: fixations joined by saccades of two frames."""
    x, y = _fixation(seed, look.number)
    if frame > look.start:
        return x, y
    before_x, before_y = _fixation(seed, look.number - 1)
    return before_x + 0.6 * (x - before_x), before_y + 0.6 * (y - before_y)


@functools.lru_cache(maxsize=4096)
def _fixation(seed: int, number: int) -> tuple[float, float]:
    """Mostly the viewer's eyes and mouth, every sixth time past them."""
    x, y, aside = (uniform(seed, _STREAM_LOOK, 3 * number + i) for i in range(3))
    width, height = (0.010, 0.005) if aside < 1 / 6 else (0.0035, 0.002)
    return width * (2.0 * x - 1.0), height * (2.0 * y - 1.0)


def _accent(accent: Event, frame: int, seed: int) -> tuple[float, float]:
    """Nod in degrees and lift of the brows in canonical units, on a stressed syllable."""
    if not accent.start <= frame < accent.end:
        return 0.0, 0.0
    bump = 0.5 - 0.5 * math.cos(2.0 * math.pi * (frame - accent.start + 0.5) / _ACCENT_FRAMES)
    strength = uniform(seed, _STREAM_ACCENT, 2 * accent.number)
    raised = uniform(seed, _STREAM_ACCENT, 2 * accent.number + 1) < 0.4
    return bump * (0.8 + 2.0 * strength), bump * (0.004 + 0.01 * strength) if raised else 0.0
