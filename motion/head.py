"""Strength of the head's motion, which changes smoothly."""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.idle import GAZE_PER_DEGREE
from motion.keypoints import Keypoint
from motion.layout import PITCH, ROLL, TRANSLATION, YAW, FloatArray, expression

_EASE: Final = 0.08
"""Share of the way to the wanted strength that is made in a frame."""


def ease_strength(strength: float, wanted: float, n: int) -> FloatArray:
    """The next ``n`` strengths [n] on the way from ``strength`` to ``wanted``."""
    left = (1.0 - _EASE) ** np.arange(1, n + 1)
    steps: FloatArray = (wanted + (strength - wanted) * left).astype(np.float32)
    return steps


def scale_head(motion: FloatArray, strengths: FloatArray) -> None:
    """Scale turns and sway in ``motion [n, 70]`` by ``strengths [n]`` in place.

    For the embedded family: its eyes, which make up for the turns, keep their aim.
    """
    lost = 1.0 - strengths
    gaze = expression(motion)[:, Keypoint.GAZE]
    gaze[:, 0] += GAZE_PER_DEGREE * lost * motion[:, YAW]
    gaze[:, 1] -= GAZE_PER_DEGREE * lost * motion[:, PITCH]
    motion[:, [PITCH, YAW, ROLL]] *= strengths[:, None]
    motion[:, TRANSLATION] *= strengths[:, None]
