"""Writing down expression offsets by the names of keypoints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from motion.keypoints import MIRRORED, Keypoint
from motion.layout import KEYPOINTS, FloatArray

Offset = tuple[float, float, float]
"""x, y, z in hundredths of the canonical unit."""


def offsets(named: Mapping[Keypoint, Offset]) -> FloatArray:
    """Offsets [21, 3] in canonical units; keypoints that are not named stay."""
    result = np.zeros((KEYPOINTS, 3), np.float32)
    for keypoint, offset in named.items():
        result[keypoint] = np.multiply(offset, 0.01)
    return result


def symmetric_offsets(named: Mapping[Keypoint, Offset]) -> FloatArray:
    """As :func:`offsets`, the right side mirroring the left."""
    result = offsets(named)
    for left, right in MIRRORED:
        result[right] = result[left] * (-1.0, 1.0, 1.0)
    return result
