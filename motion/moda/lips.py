"""Lip modulation: larger lip movements away from the closed mouth, in normalised motion.

    delta = lips - rest,  d = |delta|^2,  gain = 1 + (sigmoid(5 d) - 1/2) / (0.1 max d + 0.05)

As released, ``rest`` is taken from two seconds of silence appended to the clip and the maximum
runs over the clip. A stream has neither: it takes ``rest`` from silence generated beforehand and
the maximum so far. A small maximum raises the gain, so until the widest movement has occurred, a
stream's lips move somewhat further than the clip's; from then on the two are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.layout import FloatArray

LIPS: Final = (6, 12, 14, 17, 19, 20)
"""Keypoints of the published model that move with the lips."""

SILENCE_FRAMES: Final = 50
"""Frames of silence that the released script appends."""

_COLUMNS: Final = np.array([3 * keypoint + axis for keypoint in LIPS for axis in range(3)])


@dataclass(frozen=True, slots=True)
class LipModulation:
    """Amplifies lips relative to the frame ``rest`` [70] of normalised motion."""

    rest: FloatArray

    def step(self, motion: FloatArray, peak: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Modulated ``motion [n, 70]`` and the largest ``d`` up to each frame [n].

        ``peak`` is the largest before them.
        """
        delta, distance = self._deltas(motion)
        peaks = np.maximum.accumulate(np.append(np.float32(peak), distance))[1:]
        return self._amplify(motion, delta, distance, peaks), peaks

    def clip(self, motion: FloatArray) -> FloatArray:
        """Modulated ``motion [T, 70]`` of a whole clip, with the clip's own maximum."""
        delta, distance = self._deltas(motion)
        return self._amplify(motion, delta, distance, np.full_like(distance, distance.max()))

    def _deltas(self, motion: FloatArray) -> tuple[FloatArray, FloatArray]:
        delta = motion[:, _COLUMNS] - self.rest[_COLUMNS]
        return delta, (delta**2).sum(axis=1)

    def _amplify(
        self, motion: FloatArray, delta: FloatArray, distance: FloatArray, peak: FloatArray
    ) -> FloatArray:
        gain = 1 + (1 / (1 + np.exp(-5 * distance)) - 0.5) / (0.1 * peak + 0.05)
        out = motion.copy()
        out[:, _COLUMNS] = self.rest[_COLUMNS] + delta * gain[:, None]
        return out


def lips_at_rest(motion: FloatArray, silence: int = SILENCE_FRAMES) -> LipModulation:
    """Away from the lips that ``motion [n, 70]`` has within the ``silence`` frames at its end."""
    return LipModulation(motion[-max(3 * silence // 4, 1)])
