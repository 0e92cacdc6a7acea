"""The motion frame: one layout for every model family and every renderer.

A motion frame is float32[70] in LivePortrait's joint parameter space: expression offsets
``delta`` (21 x 3, row-major), ``scale``, translation ``t`` (x, y, z) and the head angles pitch,
yaw and roll in degrees. It moves keypoints by

    x = s (x_c R + delta) + t        (row vectors; MoDA sec. 3.1, LivePortrait eq. 2)

with ``R = (Rz(roll) Ry(yaw) Rx(pitch))^T`` built from right-handed rotations.

Axes are those of the picture: x to the right, y DOWN, z towards the viewer. As
:func:`rotation_matrix` then has it, the viewer sees at positive pitch a face that looks up, at
positive yaw one that turns to the right of the picture, at positive roll one whose crown tips to
the right (clockwise).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

FPS: Final = 25
KEYPOINTS: Final = 21
MOTION_DIM: Final = 70

EXP: Final = slice(0, 63)
SCALE: Final = 63
TRANSLATION: Final = slice(64, 67)
PITCH: Final = 67
YAW: Final = 68
ROLL: Final = 69


def neutral_motion(frames: int = 1) -> FloatArray:
    """Motion [frames, 70] of a face at rest: no expression, unit scale, looking ahead."""
    motion = np.zeros((frames, MOTION_DIM), np.float32)
    motion[:, SCALE] = 1.0
    return motion


def expression(motion: FloatArray) -> FloatArray:
    """The expression offsets of ``motion [..., 70]`` as a view ``[..., 21, 3]``."""
    return motion[..., EXP].reshape(*motion.shape[:-1], KEYPOINTS, 3)


def rotation_matrix(pitch: float, yaw: float, roll: float) -> FloatArray:
    """``R`` [3, 3] for row vectors from angles in degrees (LivePortrait)."""
    p, y, r = math.radians(pitch), math.radians(yaw), math.radians(roll)
    cp, sp, cy, sy, cr, sr = (f(a) for a in (p, y, r) for f in (math.cos, math.sin))
    # (Rz Ry Rx)^T written out: needed for every frame, and matrix products cost ten times as much.
    return np.array(
        [
            [cr * cy, sr * cy, -sy],
            [cr * sy * sp - sr * cp, sr * sy * sp + cr * cp, cy * sp],
            [cr * sy * cp + sr * sp, sr * sy * cp - cr * sp, cy * cp],
        ],
        np.float32,
    )


def drive(canonical: FloatArray, motion: FloatArray) -> FloatArray:
    """Driven keypoints [n, 21, 3] of ``canonical [21, 3]`` under ``motion [n, 70]``."""
    out = np.empty((len(motion), KEYPOINTS, 3), np.float32)
    for i, m in enumerate(motion):
        rotated = canonical @ rotation_matrix(m[PITCH], m[YAW], m[ROLL])
        out[i] = m[SCALE] * (rotated + m[EXP].reshape(KEYPOINTS, 3)) + m[TRANSLATION]
    return out
