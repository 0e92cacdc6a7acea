"""The space in which the published model works: z-scores relative to the source's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.layout import MOTION_DIM, SCALE, TRANSLATION, FloatArray

_EPSILON: Final = np.float32(1e-5)
_SIZED: Final = np.r_[SCALE, TRANSLATION]
"""Scale and translation: what grows with the size of the face in its picture."""


@dataclass(frozen=True, slots=True)
class MotionStatistics:
    """Mean and standard deviation [70] of motion in the training set (``mean.pt``).

    Raises ValueError for other shapes or values that are not finite.
    """

    mean: FloatArray
    std: FloatArray

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("std", self.std)):
            if value.shape != (MOTION_DIM,) or not np.isfinite(value).all():
                raise ValueError(
                    f"the motion {name} must be {MOTION_DIM} finite numbers, not {value.shape}"
                )

    def normalise(self, motion: FloatArray) -> FloatArray:
        """z-scores of ``motion [..., 70]``."""
        return (motion - self.mean) / (self.std + _EPSILON)

    def denormalise(self, scores: FloatArray) -> FloatArray:
        """Motion of z-scores ``[..., 70]``."""
        return scores * (self.std + _EPSILON) + self.mean

    def size_ratio(self, source: FloatArray) -> float:
        """How much larger than the training set's average the face in ``source [70]`` is."""
        return float((source[SCALE] + _EPSILON) / (self.mean[SCALE] + _EPSILON))

    def from_source(self, source: FloatArray) -> FloatArray:
        """Normalised motion [70] of a source portrait's own ``motion [70]``, at average size."""
        motion = source.copy()
        motion[TRANSLATION.stop - 1] = 0.0
        motion[_SIZED] /= np.float32(self.size_ratio(source))
        return self.normalise(motion)

    def to_source(self, scores: FloatArray, source: FloatArray) -> FloatArray:
        """Motion [..., 70] at the size of the face in ``source [70]``."""
        motion = self.denormalise(scores)
        motion[..., _SIZED] *= np.float32(self.size_ratio(source))
        return motion
