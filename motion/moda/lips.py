"""Lip modulation of the released script: larger movements of the lips away from the closed mouth.

    delta = lips - rest,  d = |delta|^2,  gain = 1 + (sigmoid(5 d) - 1/2) / (0.1 max d + 0.05)

``rest`` is a frame of the silence that the script appends to a clip and the maximum runs over the
clip, so a stream cannot do this. All motion is normalised.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.layout import FloatArray

LIPS: Final = (6, 12, 14, 17, 19, 20)
"""Keypoints of the published model that move with the lips."""

SILENCE_FRAMES: Final = 50
"""Frames of silence that the released script appends."""

_COLUMNS: Final = np.array([3 * keypoint + axis for keypoint in LIPS for axis in range(3)])


def modulate_clip(motion: FloatArray, silence: int = SILENCE_FRAMES) -> FloatArray:
    """Modulated ``motion [T, 70]`` of a clip that ends in ``silence`` frames, which stay on."""
    rest = motion[-max(3 * silence // 4, 1), _COLUMNS]
    delta = motion[:, _COLUMNS] - rest
    distance = (delta**2).sum(axis=1)
    gain = 1 + (1 / (1 + np.exp(-5 * distance)) - 0.5) / (0.1 * distance.max() + 0.05)
    modulated = motion.copy()
    modulated[:, _COLUMNS] = rest + delta * gain[:, None]
    return modulated
