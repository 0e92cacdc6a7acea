"""Named face shapes as motion, for contact sheets and checks of the decoder.

The mouth shapes are those of the table in :mod:`motion.keypoints`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from motion.keypoints import LID_TRAVEL, MIRRORED, Keypoint
from motion.layout import PITCH, ROLL, YAW, FloatArray, expression, neutral_motion

K = Keypoint
Offsets = Mapping[Keypoint, tuple[float, float, float]]

_HUNDREDTH = 0.01


def _mouth(
    corner: tuple[float, float],
    upper: tuple[float, float],
    side: tuple[float, float],
    upper_outer: float,
    lower: tuple[float, float],
    lower_outer: float,
    jaw: float,
    tongue: tuple[float, float] = (0.0, 0.0),
    cheek: float = 0.0,
) -> Offsets:
    """Left half of a mouth shape in units of 0.01: (x, y) of corner and side, (y, z) of lips."""
    return {
        K.MOUTH_LEFT: (corner[0], corner[1], 0.0),
        K.UPPER_INNER: (0.0, upper[0], upper[1]),
        K.UPPER_LEFT: (side[0], side[1], 0.0),
        K.UPPER_OUTER: (0.0, upper_outer, 0.0),
        K.LOWER_INNER: (0.0, lower[0], lower[1]),
        K.LOWER_OUTER: (0.0, lower_outer, 0.0),
        K.JAW: (0.0, jaw, 0.0),
        K.TONGUE: (0.0, tongue[0], tongue[1]),
        K.CHEEK_LEFT: (0.0, cheek, 0.0),
    }


MOUTHS: Final[Mapping[str, Offsets]] = {
    "rest": {},
    "m b p": _mouth((0, 0), (0.4, -2), (0, 0.4), 0.8, (-0.4, -2), -1.4, -0.2),
    "ah": _mouth((0, 1.8), (-1.4, 0), (0, -1.0), -1.2, (11, 0), 10.5, 9.0),
    "eh": _mouth((-1, 0.8), (-1.0, 0), (-0.4, -0.8), -0.9, (6, 0), 5.8, 4.8, (-0.5, 0), -0.2),
    "ee": _mouth((-2.6, -0.4), (-1.2, 0), (-1.0, -1.0), -1.0, (3, 0), 3.0, 1.6, (-1, 0), -0.5),
    "oh": _mouth((3, 1.6), (-1.2, 2), (1.2, -0.6), -1.2, (7.5, 2), 7.2, 6.0, (0, -1), 0.3),
    "oo": _mouth((5, 1.0), (-1.0, 4), (2.2, -0.2), -1.4, (3, 4), 3.2, 2.0, (0, -1), 0.4),
    "f v": _mouth((-0.3, 0.2), (-1.6, 0), (0, -1.2), -1.2, (0.8, -3), 0.2, 0.6),
    "th": _mouth((-0.5, 0.4), (-0.8, 0), (0, -0.6), -0.7, (3, 0), 2.8, 2.0, (-3, 3)),
    "l": _mouth((-0.5, 0.4), (-0.8, 0), (0, -0.6), -0.7, (4, 0), 3.8, 2.8, (-3, 1)),
    "s z": _mouth((-1.6, 0), (-0.8, 0), (-0.6, -0.8), -0.8, (1.2, 0), 1.3, 0.4),
    "sh ch": _mouth((2.6, 0.4), (-1.6, 3), (1.0, -1.0), -1.8, (1.6, 3), 2.2, 0.6),
    "smile": _mouth((-4, -2.4), (0, 0), (-1.6, -0.4), -0.2, (0, 0), 0.4, 0, (0, 0), -1.6),
    "grin": _mouth((-4.4, -2.6), (-1.8, 0), (-1.8, -2.2), -1.6, (1.8, 0), 2.0, 1.0, (0, 0), -2.0),
    "laugh": _mouth((-4, -1.8), (-1.8, 0), (-1.6, -2.0), -1.6, (8, 0), 7.6, 6.5, (0, 0), -2.4),
    "frown": _mouth((0.5, 2.2), (0.3, 0), (0, 0.8), 0.2, (0.3, 0), 0.0, 0, (0, 0), 0.8),
}  # fmt: skip
"""Left halves of the mouth shapes, in units of 0.01."""


def motion_of(
    offsets: Offsets, pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0
) -> FloatArray:
    """Motion [1, 70] of keypoint ``offsets`` in units of 0.01 and head angles in degrees.

    A keypoint of a mirrored pair moves its partner too, unless that one is given as well.
    """
    motion = neutral_motion(1)
    delta = expression(motion)[0]
    partner = {a: b for pair in MIRRORED for a, b in (pair, pair[::-1])}
    for key, (x, y, z) in offsets.items():
        delta[key] = x, y, z
        other = partner.get(key)
        if other is not None and other not in offsets:
            delta[other] = -x, y, z
    delta *= _HUNDREDTH
    motion[0, [PITCH, YAW, ROLL]] = pitch, yaw, roll
    return motion


def mouth_motion(name: str, strength: float = 1.0) -> FloatArray:
    """Motion [1, 70] of one of :data:`MOUTHS`."""
    shape = {k: (x * strength, y * strength, z * strength) for k, (x, y, z) in MOUTHS[name].items()}
    return motion_of(shape)


def blink_motion(steps: int) -> FloatArray:
    """Motion [steps, 70] of both lids from open to closed."""
    motion = neutral_motion(steps)
    expression(motion)[:, [K.LID_LEFT, K.LID_RIGHT], 1] = np.linspace(0, LID_TRAVEL, steps)[:, None]
    return motion


def gaze_motion() -> FloatArray:
    """Motion [6, 70] of eyes that look left, right, up, down and along two diagonals, their lids
    with them."""
    aims = ((-3.4, 0), (3.4, 0), (0, -2), (0, 2), (-2.4, -1.4), (2.4, 1.4))
    return np.concatenate(
        [motion_of({K.GAZE: (x, y, 0.0), K.LID_LEFT: (0.0, 0.6 * y, 0.0)}) for x, y in aims]
    )


BROWS: Final[Mapping[str, Offsets]] = {
    "raised": {
        K.BROW_INNER_LEFT: (0, -4, 0),
        K.BROW_OUTER_LEFT: (0, -4, 0),
        K.FOREHEAD: (0, -1, 0),
        K.LID_LEFT: (0, -0.8, 0),
    },
    "frown": {K.BROW_INNER_LEFT: (1.6, 2.4, 0), K.BROW_OUTER_LEFT: (0.4, 0.4, 0)},
    "worried": {K.BROW_INNER_LEFT: (0.6, -3.2, 0), K.BROW_OUTER_LEFT: (0, 0.8, 0)},
    "one up": {
        K.BROW_INNER_LEFT: (0, -3, 0),
        K.BROW_OUTER_LEFT: (0, -4.4, 0),
        K.BROW_INNER_RIGHT: (0, 0, 0),
        K.BROW_OUTER_RIGHT: (0, 0.6, 0),
    },
}


def pose_motion(degrees: float = 15.0) -> dict[str, FloatArray]:
    """Nine poses by name: straight, and turned, nodded and tilted by ``degrees``."""
    d, e = degrees, degrees * 0.7
    angles = {
        "straight": (0.0, 0.0, 0.0), "left": (0.0, -d, 0.0), "right": (0.0, d, 0.0),
        "up": (d, 0.0, 0.0), "down": (-d, 0.0, 0.0), "tilt left": (0.0, 0.0, -d),
        "tilt right": (0.0, 0.0, d), "left up": (e, -e, -e), "right down": (-e, e, e),
    }  # fmt: skip
    return {name: motion_of({}, *turned) for name, turned in angles.items()}
