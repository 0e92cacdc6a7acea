"""Emotions as offsets to the motion of the embedded family, at full strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from motion.contract import EMOTIONS, Controls, Emotion
from motion.keypoints import LID_TRAVEL, LIDS, Keypoint
from motion.layout import EXP, MOTION_DIM, PITCH, ROLL, YAW, FloatArray, expression
from motion.offsets import Offset, offsets, symmetric_offsets

K = Keypoint

_EASE: Final = 0.12
"""Share of the way to the wanted emotion made in a frame (time constant 0.3 s)."""

_LIPS: Final = [K.UPPER_INNER, K.UPPER_OUTER, K.LOWER_INNER, K.LOWER_OUTER, K.JAW]
_CORNERS: Final = [K.MOUTH_LEFT, K.MOUTH_RIGHT]

# fmt: off
_SYMMETRIC: Final[Mapping[Emotion, Mapping[Keypoint, Offset]]] = {
    "anger": {
        K.BROW_INNER_LEFT: (1.7, 2.6, 0.0), K.BROW_OUTER_LEFT: (0.4, 0.2, 0.0),
        K.LID_LEFT: (0.0, 1.0, 0.0), K.NOSE: (0.0, -0.3, 0.0), K.FOREHEAD: (0.0, 0.6, 0.0),
        K.MOUTH_LEFT: (0.7, 0.7, 0.0), K.UPPER_OUTER: (0.0, 0.4, 0.0),
        K.LOWER_OUTER: (0.0, -0.6, 0.0),
    },
    "disgust": {
        K.BROW_INNER_LEFT: (1.0, 1.4, 0.0), K.BROW_OUTER_LEFT: (0.0, 0.5, 0.0),
        K.LID_LEFT: (0.0, 1.4, 0.0), K.NOSE: (0.0, -0.9, 0.0), K.CHEEK_LEFT: (0.0, -1.5, 0.0),
        K.UPPER_OUTER: (0.0, -1.2, 0.0), K.UPPER_LEFT: (0.2, -0.5, 0.0),
        K.MOUTH_LEFT: (0.2, 0.9, 0.0), K.LOWER_OUTER: (0.0, -0.5, 0.0),
    },
    "fear": {
        K.BROW_INNER_LEFT: (1.0, -2.8, 0.0), K.BROW_OUTER_LEFT: (0.0, -1.2, 0.0),
        K.LID_LEFT: (0.0, -0.8, 0.0), K.FOREHEAD: (0.0, -0.7, 0.0),
        K.MOUTH_LEFT: (-1.4, 0.6, 0.0), K.LOWER_INNER: (0.0, 0.7, 0.0),
        K.LOWER_OUTER: (0.0, 0.8, 0.0), K.JAW: (0.0, 0.6, 0.0),
    },
    "happiness": {
        K.MOUTH_LEFT: (-3.0, -2.0, 0.0), K.UPPER_LEFT: (-1.2, -0.9, 0.0),
        K.UPPER_INNER: (0.0, -0.3, 0.0), K.UPPER_OUTER: (0.0, -0.3, 0.0),
        K.LOWER_INNER: (0.0, -0.1, 0.0), K.LOWER_OUTER: (0.0, 0.3, 0.0),
        K.CHEEK_LEFT: (-0.3, -1.6, 0.0), K.LID_LEFT: (0.0, 0.8, 0.0),
        K.BROW_INNER_LEFT: (0.0, -0.4, 0.0), K.BROW_OUTER_LEFT: (0.0, -0.6, 0.0),
    },
    "sadness": {
        K.BROW_INNER_LEFT: (0.8, -2.4, 0.0), K.BROW_OUTER_LEFT: (0.0, 0.8, 0.0),
        K.LID_LEFT: (0.0, 1.4, 0.0), K.MOUTH_LEFT: (0.2, 1.7, 0.0),
        K.LOWER_OUTER: (0.0, -0.5, 0.0), K.CHEEK_LEFT: (0.0, 0.4, 0.0),
        K.GAZE: (0.0, 0.5, 0.0),
    },
    "surprise": {
        K.BROW_INNER_LEFT: (0.0, -3.4, 0.0), K.BROW_OUTER_LEFT: (0.0, -3.2, 0.0),
        K.LID_LEFT: (0.0, -0.9, 0.0), K.FOREHEAD: (0.0, -1.0, 0.0), K.JAW: (0.0, 2.4, 0.0),
        K.LOWER_INNER: (0.0, 2.8, 0.0), K.LOWER_OUTER: (0.0, 2.8, 0.0),
        K.UPPER_INNER: (0.0, -0.4, 0.0), K.UPPER_OUTER: (0.0, -0.4, 0.0),
        K.MOUTH_LEFT: (0.7, 0.4, 0.0),
    },
}
_ONE_SIDED: Final[Mapping[Emotion, Mapping[Keypoint, Offset]]] = {
    "contempt": {
        K.MOUTH_RIGHT: (1.8, -2.0, 0.0), K.UPPER_RIGHT: (0.7, -0.8, 0.0),
        K.CHEEK_RIGHT: (0.2, -1.2, 0.0), K.MOUTH_LEFT: (0.2, 0.3, 0.0),
        K.LID_LEFT: (0.0, 0.9, 0.0), K.LID_RIGHT: (0.0, 1.0, 0.0),
        K.BROW_OUTER_LEFT: (0.0, -1.2, 0.0), K.BROW_INNER_RIGHT: (-0.4, 0.6, 0.0),
    },
}
_HEAD: Final[Mapping[Emotion, Offset]] = {
    "anger": (-1.5, 0.0, 0.0),
    "contempt": (2.0, -1.5, 1.5),
    "disgust": (0.8, 2.0, 0.0),
    "fear": (1.0, 0.0, 0.0),
    "happiness": (0.8, 0.0, 0.0),
    "sadness": (-3.0, 0.0, 1.0),
    "surprise": (1.2, 0.0, 0.0),
}
"""Pitch (positive: chin up), yaw and roll in degrees."""
# fmt: on


def _offsets_of(emotion: Emotion) -> FloatArray:
    motion = np.zeros(MOTION_DIM, np.float32)
    expression = symmetric_offsets(_SYMMETRIC.get(emotion, {}))
    motion[EXP] = (expression + offsets(_ONE_SIDED.get(emotion, {}))).reshape(-1)
    motion[[PITCH, YAW, ROLL]] = _HEAD.get(emotion, (0.0, 0.0, 0.0))
    return motion


_OFFSETS: Final = {emotion: _offsets_of(emotion) for emotion in EMOTIONS}


def emotion_offsets(controls: Controls) -> FloatArray:
    """Offsets [70] to a motion frame; "neutral" and "none" have none."""
    result: FloatArray = _OFFSETS[controls.emotion] * np.float32(controls.intensity)
    return result


def ease(mood: FloatArray, wanted: FloatArray, n: int) -> FloatArray:
    """The next ``n`` steps [n, 70] from the offsets ``mood [70]`` towards ``wanted [70]``."""
    steps = np.empty((n, MOTION_DIM), np.float32)
    for i in range(n):
        mood = mood + np.float32(_EASE) * (wanted - mood)
        steps[i] = mood
    return steps


def add_mood(motion: FloatArray, mood: FloatArray, voice: FloatArray, closure: FloatArray) -> None:
    """Add the offsets ``mood [n, 70]`` to ``motion [n, 70]`` in place.

    Less of it goes to the corners of a mouth that speaks (``voice [n]``, 0..1), and nothing parts
    lips that are closed (``closure [n]``, 0..1) or lids that blink.
    """
    face = expression(mood).copy()
    face[:, _LIPS] *= (1.0 - closure)[:, None, None]
    face[:, _CORNERS] *= (1.0 - 0.4 * voice)[:, None, None]
    blink = np.clip(expression(motion)[:, LIDS, 1] / LID_TRAVEL, 0.0, 1.0)
    face[:, LIDS, 1] *= 1.0 - blink
    motion[:, EXP.stop :] += mood[:, EXP.stop :]
    expression(motion)[:] += face
