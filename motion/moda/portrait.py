"""Conditions of the published model from a portrait and a session's controls."""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

import numpy as np

from motion.contract import EMOTIONS, Controls, Identity
from motion.layout import MOTION_DIM, TRANSLATION, FloatArray
from motion.moda.normalisation import MotionStatistics

_POSE: Final = slice(TRANSLATION.start, MOTION_DIM)


@runtime_checkable
class PortraitIdentity(Identity, Protocol):
    """A face of which the published model knows more than its keypoints."""

    @property
    def motion(self) -> FloatArray:
        """The portrait's own motion [70]."""


def own_motion(identity: Identity, statistics: MotionStatistics) -> FloatArray:
    """The portrait's own motion [70]; the average for a face that is no PortraitIdentity."""
    return identity.motion if isinstance(identity, PortraitIdentity) else statistics.mean


def emotion_weights(controls: Controls) -> FloatArray:
    """Weights over the emotion table; what an emotion lacks of full strength is "none"."""
    weights = np.zeros(len(EMOTIONS), np.float32)
    weights[EMOTIONS.index(controls.emotion)] += controls.intensity
    weights[EMOTIONS.index("none")] += 1.0 - controls.intensity
    return weights


def scale_pose(motion: FloatArray, source: FloatArray, strengths: FloatArray) -> None:
    """Scale turns and sway in ``motion [n, 70]`` about the pose of the ``source`` [70], in place.

    ``strengths`` [n] is 0 for the portrait's own pose and 1 for the motion as it is.
    """
    lost = (1.0 - strengths)[:, None]
    motion[:, _POSE] -= lost * (motion[:, _POSE] - source[_POSE])
