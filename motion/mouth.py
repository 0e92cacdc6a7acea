"""The shape of the mouth as offsets of keypoints: a vowel chart, hissing and closed lips."""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import KEYPOINTS, FloatArray
from motion.offsets import symmetric_offsets

K = Keypoint
# fmt: off
_OPEN_SPREAD: Final = symmetric_offsets({
    K.MOUTH_LEFT: (-1.0, 0.9, 0.0), K.UPPER_LEFT: (-0.4, -0.8, 0.0),
    K.UPPER_INNER: (0.0, -1.0, 0.0), K.UPPER_OUTER: (0.0, -0.9, 0.0),
    K.LOWER_INNER: (0.0, 6.4, 0.0), K.LOWER_OUTER: (0.0, 6.2, 0.0),
    K.JAW: (0.0, 5.2, 0.0), K.CHEEK_LEFT: (0.0, -0.2, 0.0), K.TONGUE: (0.0, -0.4, 0.0),
})
_OPEN: Final = symmetric_offsets({
    K.MOUTH_LEFT: (0.0, 1.5, 0.0), K.UPPER_LEFT: (0.0, -0.8, 0.0),
    K.UPPER_INNER: (0.0, -1.1, 0.0), K.UPPER_OUTER: (0.0, -1.0, 0.0),
    K.LOWER_INNER: (0.0, 8.4, 0.0), K.LOWER_OUTER: (0.0, 8.0, 0.0),
    K.JAW: (0.0, 6.9, 0.0),
})
_OPEN_ROUND: Final = symmetric_offsets({
    K.MOUTH_LEFT: (3.0, 1.6, 0.5), K.UPPER_LEFT: (1.2, -0.6, 1.2),
    K.UPPER_INNER: (0.0, -1.2, 2.0), K.UPPER_OUTER: (0.0, -1.2, 2.0),
    K.LOWER_INNER: (0.0, 6.8, 2.0), K.LOWER_OUTER: (0.0, 6.6, 2.0),
    K.JAW: (0.0, 5.4, 0.0), K.CHEEK_LEFT: (0.0, 0.3, 0.0), K.TONGUE: (0.0, 0.0, -1.0),
})
_CLOSE_SPREAD: Final = symmetric_offsets({
    K.MOUTH_LEFT: (-2.6, -0.4, 0.0), K.UPPER_LEFT: (-1.0, -1.0, 0.0),
    K.UPPER_INNER: (0.0, -1.2, 0.0), K.UPPER_OUTER: (0.0, -1.0, 0.0),
    K.LOWER_INNER: (0.0, 2.8, 0.0), K.LOWER_OUTER: (0.0, 2.8, 0.0),
    K.JAW: (0.0, 1.6, 0.0), K.CHEEK_LEFT: (0.0, -0.5, 0.0), K.TONGUE: (0.0, -1.0, 0.0),
})
_CLOSE: Final = symmetric_offsets({
    K.MOUTH_LEFT: (0.0, 0.3, 0.0), K.UPPER_LEFT: (0.0, -0.4, 0.0),
    K.UPPER_INNER: (0.0, -0.6, 0.0), K.UPPER_OUTER: (0.0, -0.5, 0.0),
    K.LOWER_INNER: (0.0, 2.2, 0.0), K.LOWER_OUTER: (0.0, 2.1, 0.0),
    K.JAW: (0.0, 1.5, 0.0), K.TONGUE: (0.0, -1.0, 0.0),
})
_CLOSE_ROUND: Final = symmetric_offsets({
    K.MOUTH_LEFT: (5.0, 1.0, 1.0), K.UPPER_LEFT: (2.2, -0.2, 2.5),
    K.UPPER_INNER: (0.0, -1.0, 4.0), K.UPPER_OUTER: (0.0, -1.4, 4.0),
    K.LOWER_INNER: (0.0, 2.8, 4.0), K.LOWER_OUTER: (0.0, 3.0, 4.0),
    K.JAW: (0.0, 2.0, 0.0), K.CHEEK_LEFT: (0.0, 0.4, 0.0), K.TONGUE: (0.0, 0.0, -1.0),
})
_HISS: Final = symmetric_offsets({
    K.MOUTH_LEFT: (-1.5, -0.2, 0.0), K.UPPER_LEFT: (-0.5, -0.8, 0.0),
    K.UPPER_INNER: (0.0, -1.0, 0.0), K.UPPER_OUTER: (0.0, -0.8, 0.0),
    K.LOWER_INNER: (0.0, 1.6, 0.0), K.LOWER_OUTER: (0.0, 1.6, 0.0),
    K.JAW: (0.0, 0.7, 0.0), K.TONGUE: (0.0, -1.5, 0.0),
})
_PRESSED: Final = symmetric_offsets({
    K.UPPER_LEFT: (0.0, 0.4, 0.0),
    K.UPPER_INNER: (0.0, 0.4, -2.0), K.UPPER_OUTER: (0.0, 0.8, 0.0),
    K.LOWER_INNER: (0.0, -0.4, -2.0), K.LOWER_OUTER: (0.0, -1.4, 0.0),
    K.JAW: (0.0, -0.2, 0.0),
})
# fmt: on

_SHAPES: Final = np.stack(
    [
        _OPEN_SPREAD,
        _OPEN,
        _OPEN_ROUND,
        _CLOSE_SPREAD,
        _CLOSE,
        _CLOSE_ROUND,
        _HISS,
        _CLOSE_ROUND,
        _PRESSED,
    ]
).reshape(9, -1)


def mouth_offsets(articulation: FloatArray) -> FloatArray:
    """Offsets [n, 21, 3] for articulation rows [n, 6] (columns of ``ARTICULATION``).

    Convex blends of shapes that lie in the renderer's range, so the result does as well.
    """
    voice, height, place, hiss, closure, _ = articulation.T
    spread, rounding = np.maximum(-place, 0.0), np.maximum(place, 0.0)
    plain = 1.0 - spread - rounding
    vowel = voice * (1.0 - closure) * (1.0 - hiss)
    open_, close = vowel * height, vowel * (1.0 - height)
    weights = np.stack(
        [
            open_ * spread,
            open_ * plain,
            open_ * rounding,
            close * spread,
            close * plain,
            close * rounding,
            hiss * (1.0 - rounding) * (1.0 - closure),
            hiss * rounding * (1.0 - closure),
            closure,
        ],
        axis=1,
    )
    offsets: FloatArray = (weights.astype(np.float32) @ _SHAPES).reshape(-1, KEYPOINTS, 3)
    return offsets
