"""The head's motion as the decoder uses it: in the picture plane, with depth as a shear.

Seen from the front, x = s (x_c R + delta) + t is for a place (x, y) of depth z

    q = p A + z c + s delta + b,    A = s R[:2, :2],  c = s R[2, :2],  b = (t_x, t_y)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.layout import EXP, ROLL, SCALE, TRANSLATION, FloatArray, rotation_matrix


@dataclass(frozen=True, slots=True)
class Pose:
    """One motion frame, split into what the whole head does and what its keypoints do."""

    linear: FloatArray
    """A [2, 2]."""
    parallax: FloatArray
    """c [2]: how far a place moves per unit of depth."""
    shift: FloatArray
    """b [2]."""
    inverse: FloatArray
    """A inverse [2, 2]."""
    scale: float
    """s."""
    offsets: FloatArray
    """delta [21, 3]."""


def read_pose(motion: FloatArray) -> Pose:
    """The pose of one frame ``motion [70]``."""
    x, y, _, pitch, yaw, roll = motion[TRANSLATION.start : ROLL + 1].tolist()
    scale = float(motion[SCALE])
    rotation = scale * rotation_matrix(pitch, yaw, roll)
    (a, b), (c, d) = rotation[:2, :2].tolist()
    determinant = a * d - b * c
    return Pose(
        linear=rotation[:2, :2],
        parallax=rotation[2, :2],
        shift=np.array((x, y), np.float32),
        inverse=np.array([[d, -b], [-c, a]], np.float32) / np.float32(determinant),
        scale=scale,
        offsets=motion[EXP].reshape(-1, 3),
    )
