"""The head's motion as the decoder uses it: in the picture plane, with depth as a shear.

Seen from the front, x = s (x_c R + delta) + t is for a place (x, y) of depth z

    q = p A + z c + s delta + b,    A = s R[:2, :2],  c = s R[2, :2],  b = (t_x, t_y)

or, for rows (x, y, z, 1), their product with the projection [A; c; b] plus s delta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.layout import EXP, ROLL, SCALE, TRANSLATION, FloatArray, rotation_matrix


@dataclass(frozen=True, slots=True)
class Pose:
    """One motion frame, split into what the whole head does and what its keypoints do."""

    projection: FloatArray
    """[4, 2]: A, c and b, one under the other."""
    inverse: FloatArray
    """A inverse [2, 2]."""
    scale: float
    """s."""
    offsets: FloatArray
    """delta [21, 3]."""

    @property
    def linear(self) -> FloatArray:
        """A [2, 2]."""
        return self.projection[:2]

    @property
    def parallax(self) -> FloatArray:
        """c [2]: how far a place moves per unit of depth."""
        parallax: FloatArray = self.projection[2]
        return parallax

    @property
    def shift(self) -> FloatArray:
        """b [2]."""
        shift: FloatArray = self.projection[3]
        return shift


def read_pose(motion: FloatArray) -> Pose:
    """The pose of one frame ``motion [70]``."""
    x, y, _, pitch, yaw, roll = motion[TRANSLATION.start : ROLL + 1].tolist()
    scale = float(motion[SCALE])
    projection = np.empty((4, 2), np.float32)
    np.multiply(rotation_matrix(pitch, yaw, roll)[:, :2], scale, out=projection[:3])
    projection[3] = x, y
    (a, b), (c, d) = projection[:2].tolist()
    over = 1 / (a * d - b * c)
    return Pose(
        projection=projection,
        inverse=np.array([[d * over, -b * over], [-c * over, a * over]], np.float32),
        scale=scale,
        offsets=motion[EXP].reshape(-1, 3),
    )
