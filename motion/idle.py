"""What a living face does besides speaking: blinks, gaze, breath, head motion, nods, brows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import PITCH, ROLL, SCALE, TRANSLATION, YAW, FloatArray, expression
from motion.noise import uniform, wander

_STREAM_WANDER, _STREAM_BLINK, _STREAM_GAZE, _STREAM_ACCENT = range(4)

_LIDS: Final = [Keypoint.LID_LEFT, Keypoint.LID_RIGHT]
_BROWS: Final = [
    Keypoint.BROW_INNER_LEFT,
    Keypoint.BROW_OUTER_LEFT,
    Keypoint.BROW_INNER_RIGHT,
    Keypoint.BROW_OUTER_RIGHT,
]

_BLINK: Final = (0.35, 0.85, 1.0, 0.8, 0.45, 0.18, 0.05)
"""How closed the lids are, frame by frame."""
_DOUBLE_BLINKS: Final = 0.12

_HEAD_PERIODS: Final = (110.0, 95.0, 120.0, 26.0, 30.0, 34.0)
_HEAD_DEGREES: Final = (0.9, 1.5, 0.7, 0.9, 1.3, 0.8)
"""Pitch, yaw, roll: slow and always; then quick and only while speaking."""
_OTHER_PERIODS: Final = (150.0, 130.0, 260.0, 60.0, 6.0, 6.0)
"""Sway x, sway y, breath, brows, gaze x, gaze y."""
_PERIODS: Final = np.array(_HEAD_PERIODS + _OTHER_PERIODS, np.float32)

_BREATH_FRAMES: Final = 105
_GAZE_PER_DEGREE: Final = 0.0011
"""Offset of ``GAZE`` that an eyeball of 12 mm radius makes per degree."""

_ACCENT_FRAMES: Final = 13
_ACCENT_PAUSE: Final = 20


@dataclass(frozen=True, slots=True)
class IdleState:
    seed: int
    frame: int = 0
    speaking: float = 0.0
    """How much has been spoken in the last second, 0..1."""
    stress: float = 0.0
    """Running mean of the stress while speaking."""
    blink: int = 0
    """Number of the coming or present blink, and the frame at which it begins."""
    blink_start: int = 30
    look: int = 0
    """Number of the present fixation, the frame at which it began, and the one when it ends."""
    look_start: int = 0
    look_end: int = 20
    accent: int = 0
    """Number of the last accent, and the frame at which its nod began."""
    accent_start: int = -1000


def idle_motion(
    state: IdleState, voice: FloatArray, stress: FloatArray
) -> tuple[FloatArray, IdleState]:
    """Motion [n, 70] to add to that of the mouth, for ``voice [n]`` and ``stress [n]`` (0..1).

    Scale is relative (0 leaves it). No two frames are alike, and nothing drifts: every part swings
    about a fixed mean.
    """
    n = len(voice)
    frames = state.frame + np.arange(n)
    events = np.zeros((n, 6), np.float32)
    for i in range(n):
        state = _advance(state, float(voice[i]), float(stress[i]))
        events[i] = (state.speaking, _lids(state), *_gaze(state), *_accent(state))
        state = replace(state, frame=state.frame + 1)
    speaking, lids, gaze_x, gaze_y, nod, brows = events.T
    noise = wander(state.seed, _STREAM_WANDER, _PERIODS, frames)
    noise[:, :6] *= _HEAD_DEGREES
    sway_x, sway_y, breath_phase, brow_noise, tremor_x, tremor_y = noise[:, 6:].T

    motion = np.zeros((n, 70), np.float32)
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
    face[:, Keypoint.GAZE, 0] = gaze_x + 0.0005 * tremor_x - _GAZE_PER_DEGREE * motion[:, YAW]
    face[:, Keypoint.GAZE, 1] = gaze_y + 0.0004 * tremor_y + _GAZE_PER_DEGREE * motion[:, PITCH]
    face[:, _BROWS, 1] = -(brows + 0.0025 * brow_noise * (0.3 + 0.7 * speaking))[:, None]
    follow = 0.6 * face[:, Keypoint.GAZE, 1]
    face[:, _LIDS, 1] = (follow + lids * (LID_TRAVEL - follow))[:, None]
    return motion, state


def _advance(state: IdleState, voice: float, stress: float) -> IdleState:
    """The state at its frame: what begins or ends there."""
    frame = state.frame
    speaking = state.speaking + (voice - state.speaking) * (
        0.12 if voice > state.speaking else 0.04
    )
    mean = state.stress + 0.06 * voice * (stress - state.stress)
    state = replace(state, speaking=speaking, stress=mean)
    if frame >= state.blink_start + len(_BLINK):
        state = replace(
            state, blink=state.blink + 1, blink_start=frame + _until_blink(state.seed, state.blink)
        )
    if frame >= state.look_end:
        pause = uniform(state.seed, _STREAM_GAZE, 3 * state.look + 2)
        state = replace(
            state,
            look=state.look + 1,
            look_start=frame,
            look_end=frame + 12 + int(60 * pause * pause),
        )
    if stress > mean + 0.15 and frame >= state.accent_start + _ACCENT_PAUSE:
        state = replace(state, accent=state.accent + 1, accent_start=frame)
    return state


def _until_blink(seed: int, blink: int) -> int:
    """Frames from the end of a blink to the next: log-normal about 2.7 s, now and then a double."""
    if uniform(seed, _STREAM_BLINK, 3 * blink) < _DOUBLE_BLINKS:
        return 3
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(seed, _STREAM_BLINK, 3 * blink + 1)))
    normal = radius * math.cos(2.0 * math.pi * uniform(seed, _STREAM_BLINK, 3 * blink + 2))
    return int(min(max(67.0 * math.exp(0.5 * normal), 15.0), 200.0))


def _lids(state: IdleState) -> float:
    since = state.frame - state.blink_start
    return _BLINK[since] if 0 <= since < len(_BLINK) else 0.0


def _gaze(state: IdleState) -> tuple[float, float]:
    """Offsets of ``GAZE``: fixations joined by saccades of two frames."""
    x, y = _fixation(state.seed, state.look)
    if state.frame > state.look_start:
        return x, y
    before_x, before_y = _fixation(state.seed, state.look - 1)
    return before_x + 0.6 * (x - before_x), before_y + 0.6 * (y - before_y)


def _fixation(seed: int, look: int) -> tuple[float, float]:
    """Mostly the viewer's eyes and mouth, every sixth time past them."""
    x = 2.0 * uniform(seed, _STREAM_GAZE, 3 * look) - 1.0
    y = 2.0 * uniform(seed, _STREAM_GAZE, 3 * look + 1) - 1.0
    far = uniform(seed, _STREAM_GAZE, -look - 1) < 1 / 6
    return (0.014 * x, 0.006 * y) if far else (0.0035 * x, 0.002 * y)


def _accent(state: IdleState) -> tuple[float, float]:
    """Nod in degrees and lift of the brows in canonical units, on a stressed syllable."""
    since = state.frame - state.accent_start
    if not 0 <= since < _ACCENT_FRAMES:
        return 0.0, 0.0
    bump = 0.5 - 0.5 * math.cos(2.0 * math.pi * (since + 0.5) / _ACCENT_FRAMES)
    strength = uniform(state.seed, _STREAM_ACCENT, 2 * state.accent)
    raised = uniform(state.seed, _STREAM_ACCENT, 2 * state.accent + 1) < 0.4
    return bump * (0.8 + 2.0 * strength), bump * (0.004 + 0.01 * strength) if raised else 0.0
