"""How far keypoints move at most: beyond that they are no longer drawn as a face."""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import EXP, KEYPOINTS, MOTION_DIM, FloatArray

K = Keypoint
_CORNERS: Final = (K.MOUTH_LEFT, K.MOUTH_RIGHT)
_UPPER: Final = (K.UPPER_INNER, K.UPPER_OUTER, K.UPPER_LEFT, K.UPPER_RIGHT)
_LOWER: Final = (K.LOWER_INNER, K.LOWER_OUTER)
_INNER_BROWS: Final = (K.BROW_INNER_LEFT, K.BROW_INNER_RIGHT)
_OUTER_BROWS: Final = (K.BROW_OUTER_LEFT, K.BROW_OUTER_RIGHT)
_CHEEKS: Final = (K.CHEEK_LEFT, K.CHEEK_RIGHT)

_X, _Y, _Z = range(3)
_RANGES: Final = (
    (_CORNERS, _X, -6.0, 6.0),
    (_CORNERS, _Y, -4.0, 4.0),
    (_UPPER, _Y, -4.0, 2.0),
    (_LOWER, _Y, -3.0, 10.0),
    (_UPPER + _LOWER, _Z, -5.0, 5.0),
    ((K.JAW,), _X, -3.0, 3.0),
    ((K.JAW,), _Y, -1.0, 10.0),
    ((K.TONGUE,), _Y, -4.0, 1.0),
    ((K.TONGUE,), _Z, -2.0, 4.0),
    (_INNER_BROWS, _X, -2.0, 2.0),
    (_INNER_BROWS + _OUTER_BROWS, _Y, -5.0, 3.0),
    (_CHEEKS, _Y, -3.0, 1.5),
    ((K.NOSE,), _Y, -1.0, 1.0),
    ((K.FOREHEAD,), _Y, -1.5, 1.5),
)
"""Keypoints, axis, least and most offset in hundredths of the canonical unit."""


def motion_limits() -> tuple[FloatArray, FloatArray]:
    """Least and most [70] that the numbers of a motion frame may be; infinite where all is well."""
    most = np.full((KEYPOINTS, 3), np.inf)
    least = -most
    for keypoints, axis, low, high in _RANGES:
        least[keypoints, axis], most[keypoints, axis] = 0.01 * low, 0.01 * high
    free = np.full(MOTION_DIM - EXP.stop, np.inf)
    return (
        np.concatenate([least.ravel(), -free]).astype(np.float32),
        np.concatenate([most.ravel(), free]).astype(np.float32),
    )
