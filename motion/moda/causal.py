"""Conventions that training and streaming of the causal model share."""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.contract import EMOTIONS, Emotion
from motion.keypoints import Keypoint
from motion.layout import EXP, KEYPOINTS, MOTION_DIM, FloatArray

LOOKAHEAD: Final = 2
"""Frames of sound after its own that a frame attends to."""

SILENCE: Final = -2.0
"""Value of the features in silence, which also precedes the first frame."""

_MOUTH: Final = [
    Keypoint.MOUTH_LEFT, Keypoint.MOUTH_RIGHT, Keypoint.UPPER_OUTER, Keypoint.LOWER_OUTER,
    Keypoint.UPPER_INNER, Keypoint.LOWER_INNER, Keypoint.UPPER_LEFT, Keypoint.UPPER_RIGHT,
    Keypoint.JAW, Keypoint.TONGUE,
]  # fmt: skip


def mouth_dimensions() -> FloatArray:
    """Mask [70]: 1 for the dimensions of a motion frame that move the mouth, else 0."""
    mouth = np.zeros((KEYPOINTS, 3), np.float32)
    mouth[_MOUTH] = 1.0
    dimensions = np.zeros(MOTION_DIM, np.float32)
    dimensions[EXP] = mouth.reshape(-1)
    return dimensions


def emotion_weights(emotion: Emotion, intensity: float) -> list[float]:
    """Weights over the emotion table: a blend of the emotion and "neutral".

    "none" counts as "neutral", because the table's last row is the unconditional embedding.
    """
    weights = [0.0] * len(EMOTIONS)
    wanted: Emotion = "neutral" if emotion == "none" else emotion
    weights[EMOTIONS.index(wanted)] += intensity
    weights[EMOTIONS.index("neutral")] += 1.0 - intensity
    return weights
