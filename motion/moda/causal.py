"""What training and streaming of the causal model have to agree on."""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.contract import EMOTIONS, Emotion
from motion.keypoints import Keypoint
from motion.layout import EXP, KEYPOINTS, MOTION_DIM, FloatArray

LOOKAHEAD: Final = 2
"""Frames of sound after its own that a frame may hear."""

SILENCE: Final = -2.0
"""What features are without sound; it stands before the first frame."""

_MOUTH: Final = [
    Keypoint.MOUTH_LEFT, Keypoint.MOUTH_RIGHT, Keypoint.UPPER_OUTER, Keypoint.LOWER_OUTER,
    Keypoint.UPPER_INNER, Keypoint.LOWER_INNER, Keypoint.UPPER_LEFT, Keypoint.UPPER_RIGHT,
    Keypoint.JAW, Keypoint.TONGUE,
]  # fmt: skip


def mouth_dimensions() -> FloatArray:
    """1 for the numbers of a motion frame that belong to the mouth [70]."""
    mouth = np.zeros((KEYPOINTS, 3), np.float32)
    mouth[_MOUTH] = 1.0
    dimensions = np.zeros(MOTION_DIM, np.float32)
    dimensions[EXP] = mouth.reshape(-1)
    return dimensions


def emotion_weights(emotion: Emotion, intensity: float) -> list[float]:
    """Weights over the emotion table: a blend of the emotion and "neutral".

    "none" is taken for "neutral", because the table's last row has to stand for anything.
    """
    weights = [0.0] * len(EMOTIONS)
    wanted: Emotion = "neutral" if emotion == "none" else emotion
    weights[EMOTIONS.index(wanted)] += intensity
    weights[EMOTIONS.index("neutral")] += 1.0 - intensity
    return weights
