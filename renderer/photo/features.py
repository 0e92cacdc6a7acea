"""Keypoints of a face whose eyes are known: pupils and mouth are found, the rest is average."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import KEYPOINTS, FloatArray
from renderer.contract import ImageArray
from renderer.photo.opening import find_mouth
from renderer.photo.upright import UprightFace, between_eyes

K = Keypoint

_HALF: Final[Mapping[tuple[Keypoint, Keypoint], tuple[float, float]]] = {
    (K.BROW_INNER_LEFT, K.BROW_INNER_RIGHT): (0.22, -0.23),
    (K.BROW_OUTER_LEFT, K.BROW_OUTER_RIGHT): (0.84, -0.18),
    (K.LID_LEFT, K.LID_RIGHT): (0.50, -0.06),
    (K.CHEEK_LEFT, K.CHEEK_RIGHT): (0.72, 0.60),
}
_MIDDLE: Final = {K.GAZE: 0.0, K.NOSE: 0.65, K.FOREHEAD: -0.69}
"""Where faces have what is not looked for, in eye distances (:mod:`renderer.photo.upright`)."""
_LIPS: Final = (0.085, 0.135)
"""Height of the upper and the lower lip."""
_JAW: Final = 1.64
_JAW_BY_GAP: Final = 0.7
"""Keypoint of the chin while the mouth is closed, and how far the opening mouth lowers it."""

_PUPIL: Final = (0.12, 0.08)
"""How far to the sides, and up and down, a pupil may lie from where the eye was found."""


def keypoints_of(picture: ImageArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Keypoints [21, 2] in pixels of BGR ``picture [h, w, 3]`` with eyes at these pixels [2]."""
    eyes = between_eyes(left, right)
    seen = UprightFace.of(picture, eyes)
    eyes = between_eyes(*(eyes.pixels(_pupil(seen, x)) for x in (-0.5, 0.5)))
    mouth = find_mouth(UprightFace.of(picture, eyes))
    face = np.zeros((KEYPOINTS, 2), np.float32)
    for (one, other), (x, y) in _HALF.items():
        face[one], face[other] = (-x, y), (x, y)
    for key, y in _MIDDLE.items():
        face[key] = 0.0, y
    for key, y in (
        (K.UPPER_OUTER, mouth.upper - _LIPS[0]),
        (K.UPPER_INNER, mouth.upper),
        (K.LOWER_INNER, mouth.lower),
        (K.LOWER_OUTER, mouth.lower + _LIPS[1]),
        (K.TONGUE, mouth.lower + 0.025),
    ):
        face[key] = mouth.middle, y
    face[K.MOUTH_LEFT], face[K.MOUTH_RIGHT] = mouth.left, mouth.right
    for half, corner in ((K.UPPER_LEFT, mouth.left), (K.UPPER_RIGHT, mouth.right)):
        face[half] = 0.55 * corner + 0.45 * face[K.UPPER_INNER]
    face[K.JAW] = mouth.middle / 2, _JAW + _JAW_BY_GAP * (mouth.lower - mouth.upper)
    return eyes.pixels(face)


def _pupil(face: UprightFace, x: float) -> FloatArray:
    """Place [2] of the pupil near ``(x, 0)``: a dark disk, the middle counting more."""
    across, down = _PUPIL
    part = face.blurred(0.05).part((x - across, x + across), (-down, down))[..., 0]
    v, u = (np.linspace(-1, 1, n, dtype=np.float32) for n in part.shape)
    cost = part + 12.0 * (np.square(u) + np.square(v)[:, None])
    row, column = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return np.array((x + across * u[column], down * v[row]), np.float32)
