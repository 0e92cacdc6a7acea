"""What frames become between being drawn and being shown: a smooth head and the idle process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from motion.idle import IdleState, idle_motion
from motion.keypoints import LID_TRAVEL, LIDS, Keypoint
from motion.layout import EXP, MOTION_DIM, FloatArray, expression
from motion.moda.causal import mouth_dimensions

_VOICED_GAP: Final = 0.02
_STRESSED_GAP: Final = 0.08
_FACE_PACE: Final = 0.5
_HEAD_PACE: Final = 0.25


def _pace() -> FloatArray:
    """Share of the way to what was drawn that each number makes in a frame, twice [70]."""
    pace = np.full(MOTION_DIM, _HEAD_PACE, np.float32)
    pace[EXP] = _FACE_PACE
    return np.maximum(pace, mouth_dimensions())


_PACE: Final = _pace()


def smooth(
    drawn: FloatArray, settling: FloatArray, shown: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """``drawn [n, 70]`` with all but the mouth through a low-pass of second order.

    ``settling [70]`` is its state and ``shown [70]`` its last output; the second result is the
    state after each frame [n, 70].

    Noise that is invisible in lips makes head and eyelids tremble; the released pipeline smooths
    the head as well, over three frames centred on each, which a stream cannot.
    """
    outputs, states = np.empty_like(drawn), np.empty_like(drawn)
    for i, frame in enumerate(drawn):
        settling = settling + _PACE * (frame - settling)
        shown = shown + _PACE * (settling - shown)
        outputs[i], states[i] = shown, settling
    return outputs, states


def enliven(motion: FloatArray, idle: IdleState, strength: float) -> Sequence[IdleState]:
    """Add the idle process to ``motion [n, 70]`` in place; nods and brows follow open vowels.

    Returns the n + 1 states of the process.
    """
    face = expression(motion)
    gap = face[:, Keypoint.LOWER_INNER, 1] - face[:, Keypoint.UPPER_INNER, 1]
    voice = np.clip(gap / _VOICED_GAP, 0.0, 1.0).astype(np.float32)
    stress = np.clip(gap / _STRESSED_GAP - 0.5, 0.0, 1.0).astype(np.float32)
    added, states = idle_motion(idle, voice, stress)
    lids = expression(added)[:, LIDS, 1].copy()
    expression(added)[:, LIDS, 1] = 0.0
    motion += np.float32(strength) * added
    # The process closes the lids from wide open; from half open they have less far to go.
    open_ = face[:, LIDS, 1]
    face[:, LIDS, 1] = np.minimum(open_ + lids * (1.0 - open_ / LID_TRAVEL), LID_TRAVEL)
    return states
