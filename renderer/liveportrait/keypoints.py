"""Implicit keypoints: from what M says of a portrait and what MoDA says of a frame.

x = s (x_c R + delta) + (t_x, t_y, 0)        (row vectors; t_z is dropped)
"""

from __future__ import annotations

from typing import Final

import numpy as np

from motion.layout import EXP, KEYPOINTS, PITCH, ROLL, SCALE, TRANSLATION, YAW, FloatArray

_AXES: Final = {"x": 0, "y": 1, "z": 2}

_MOVED: Final = {
    **dict.fromkeys((1, 2, 6, *range(11, 21)), "xyz"),
    **{3: "y", 4: "y", 5: "z", 8: "z", 9: "yz"},
}
"""Coordinates of the expression that a driven frame decides; the others stay the source's."""

_MOVED_COLUMNS: Final = np.array([3 * k + _AXES[a] for k, axes in _MOVED.items() for a in axes])

_EYES_OPEN: Final = np.zeros((KEYPOINTS, 3), np.float32)
"""Offset that the released code adds to every driven expression: eyes a little wider."""
_EYES_OPEN[[11, 15], 1] = 0.0025
_EYES_OPEN[[13, 16], 1] = 0.00075


def bins_to_degrees(logits: FloatArray) -> FloatArray:
    """Angles [B] of ``logits [B, 66]`` over bins of 3 degrees from -97.5."""
    odds = np.exp((logits - logits.max(axis=-1, keepdims=True)).astype(np.float64))
    expected = (odds * np.arange(logits.shape[-1])).sum(-1) / odds.sum(-1)
    return np.asarray(3.0 * expected - 97.5, dtype=np.float32)


def rotations(pitch: FloatArray, yaw: FloatArray, roll: FloatArray) -> FloatArray:
    """``R`` [n, 3, 3] for row vectors from angles [n] in degrees."""
    cp, cy, cr = (np.cos(np.deg2rad(a)) for a in (pitch, yaw, roll))
    sp, sy, sr = (np.sin(np.deg2rad(a)) for a in (pitch, yaw, roll))
    matrix = np.array(
        [
            [cr * cy, cr * sy * sp - sr * cp, cr * sy * cp + sr * sp],
            [sr * cy, sr * sy * sp + cr * cp, sr * sy * cp - cr * sp],
            [-sy, cy * sp, cy * cp],
        ],
        dtype=np.float32,
    )
    return matrix.transpose(2, 1, 0)


def transform(canonical: FloatArray, motion: FloatArray) -> FloatArray:
    """Keypoints [n, 21, 3] of ``canonical [21, 3]`` under ``motion [n, 70]``."""
    turned = canonical @ rotations(motion[:, PITCH], motion[:, YAW], motion[:, ROLL])
    moved = turned + motion[:, EXP].reshape(-1, KEYPOINTS, 3)
    moved *= motion[:, SCALE, None, None]
    moved[..., :2] += motion[:, None, TRANSLATION][..., :2]
    return moved


def driven(canonical: FloatArray, source: FloatArray, motion: FloatArray) -> FloatArray:
    """Keypoints [n, 21, 3] of a portrait driven by ``motion [n, 70]``, before stitching.

    MoDA's assembly with absolute motion: pose and translation are the driven ones, the size is
    that of the ``source`` motion [70] (the predicted scale is not used), and the expression is
    the source's where :data:`_MOVED` does not name it.
    """
    expression = motion[:, EXP] + _EYES_OPEN.reshape(-1)
    frames = motion.copy()
    frames[:, EXP] = source[EXP]
    frames[:, _MOVED_COLUMNS] = expression[:, _MOVED_COLUMNS]
    frames[:, SCALE] = source[SCALE]
    return transform(canonical, frames)
