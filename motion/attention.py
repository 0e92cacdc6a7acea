"""Attention in the face: raised brows, eye contact and nods to listen; a glance aside to think."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from motion.contract import Attention
from motion.idle import GAZE_PER_DEGREE
from motion.keypoints import BROWS, LID_TRAVEL, LIDS, Keypoint
from motion.layout import PITCH, ROLL, SCALE, YAW, FloatArray, expression
from motion.noise import uniform

_STREAM_NOD, _STREAM_SIDE, _STREAM_TILT = range(64, 67)


_PACE: Final = 0.45
"""Share of the way that a weight makes in a frame, twice: half of it after 120 ms."""
_START_FRAMES: Final = 14
"""How long the brows are raised when the user begins to speak."""
_NOD_FRAMES: Final = 11
_NOD_PAUSES: Final = (28, 100)
"""Frames between two nods, least and most."""

_START_BROWS: Final = 0.014
_LISTENING_BROWS: Final = 0.005
_LISTENING_LIDS: Final = 0.004
_LISTENING_PITCH: Final = -1.2
_LISTENING_TILT: Final = 1.6
_LISTENING_SCALE: Final = 0.008
_THINKING_GAZE: Final = (0.017, 0.012)
_THINKING_YAW: Final = 2.4
_THINKING_PITCH: Final = 1.6
_THINKING_BROWS: Final = 0.005

Weights = tuple[float, ...]
"""How much is shown of listening, starting to listen, tilting the head, thinking (0..1), and of
looking aside (-1..1)."""


@dataclass(frozen=True, slots=True)
class AttentionState:
    frame: int = 0
    attention: Attention = "idle"
    changed: int = -1000
    """Frame at which that began."""
    turns: int = 0
    """Changes so far; they choose the sides."""
    shown: Weights = (0.0,) * 5
    followed: Weights = (0.0,) * 5
    """What ``shown`` approaches."""
    nod: int = -_NOD_FRAMES
    """Frame at which the last nod began, or the next one will."""
    nods: int = 0
    depth: float = 0.0
    """Degrees by which the chin goes down in that nod."""


def attend(
    motion: FloatArray, state: AttentionState, attention: Attention, seed: int
) -> Sequence[AttentionState]:
    """Show ``attention`` in ``motion [n, 70]``, in place, eased in from what was shown before.

    Returns the n + 1 states before, between and after the frames.
    """
    states = [state]
    for frame in motion:
        state = _next(state, attention, seed)
        _move(frame, state)
        states.append(state)
    return states


def _next(state: AttentionState, attention: Attention, seed: int) -> AttentionState:
    frame, nod, nods, depth = state.frame + 1, state.nod, state.nods, state.depth
    listens = attention == "listening"
    if attention != state.attention:
        state = replace(state, attention=attention, changed=frame, turns=state.turns + 1)
        if listens and frame < nod:
            nod = frame + _pause(seed, nods)
    if listens and frame >= nod + _NOD_FRAMES:
        nods += 1
        nod = frame + _pause(seed, nods)
        depth = 2.2 + 2.2 * uniform(seed, _STREAM_NOD, 2 * nods + 1)
    followed = _toward(state.followed, _wanted(state, frame, seed))
    return replace(
        state,
        frame=frame,
        shown=_toward(state.shown, followed),
        followed=followed,
        nod=nod,
        nods=nods,
        depth=depth,
    )


def _wanted(state: AttentionState, frame: int, seed: int) -> Weights:
    match state.attention:
        case "listening":
            tilt = 2.0 * uniform(seed, _STREAM_TILT, state.turns) - 1.0
            return 1.0, float(frame < state.changed + _START_FRAMES), tilt, 0.0, 0.0
        case "thinking":
            side = 1.0 if uniform(seed, _STREAM_SIDE, state.turns) < 0.5 else -1.0
            return 0.0, 0.0, 0.0, 1.0, side
        case _:
            return 0.0, 0.0, 0.0, 0.0, 0.0


def _toward(weights: Weights, wanted: Weights) -> Weights:
    return tuple(w + _PACE * (to - w) for w, to in zip(weights, wanted, strict=True))


def _move(frame: FloatArray, state: AttentionState) -> None:
    listening, starting, tilt, thinking, aside = state.shown
    if listening + thinking < 1e-4:
        return
    face = expression(frame)
    gaze = face[Keypoint.GAZE]
    lift = listening * _LISTENING_BROWS + starting * _START_BROWS + thinking * _THINKING_BROWS
    face[BROWS, 1] -= lift
    # How far past the viewer the eyes aim, with what the head turns by.
    aim = gaze[:2] + GAZE_PER_DEGREE * np.array([frame[YAW], -frame[PITCH]])
    gaze[:2] -= 0.7 * listening * aim
    pitch = listening * (_LISTENING_PITCH - _nod(state)) + thinking * _THINKING_PITCH
    frame[PITCH] += pitch
    frame[YAW] += aside * _THINKING_YAW
    frame[ROLL] += tilt * _LISTENING_TILT
    frame[SCALE] *= 1.0 + listening * _LISTENING_SCALE
    # Eyes stay on the viewer while the head nods; in thought they go where the head goes.
    aside_by, up_by = _THINKING_GAZE
    gaze[0] += aside * aside_by
    gaze[1] += GAZE_PER_DEGREE * (1.0 - thinking) * pitch - thinking * up_by
    closed = np.clip(face[LIDS, 1] / LID_TRAVEL, 0.0, 1.0)
    face[LIDS, 1] -= (1.0 - closed) * (listening * _LISTENING_LIDS + 0.6 * thinking * up_by)


def _nod(state: AttentionState) -> float:
    """Degrees by which the chin is down: once down and up."""
    at = (state.frame - state.nod) / _NOD_FRAMES
    if not 0.0 <= at < 1.0:
        return 0.0
    return state.depth * math.sin(math.pi * at) ** 2


def _pause(seed: int, number: int) -> int:
    least, most = _NOD_PAUSES
    return least + int((most - least) * uniform(seed, _STREAM_NOD, 2 * number) ** 1.5)
