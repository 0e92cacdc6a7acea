"""Teeth of a picture, on a canvas where they are painted."""

from __future__ import annotations

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.canvas import CANVAS, UNIT, seam_of, to_pixels
from renderer.photo.points import usual_face
from renderer.photo.teeth import denture, find_teeth

K = Keypoint
GAP = 0.08
SKIN, CAVITY, TOOTH, OTHER = (120, 150, 210), (20, 15, 40), (180, 200, 215), (150, 170, 190)


def open_face() -> FloatArray:
    face = usual_face()
    face[[K.LOWER_INNER, K.LOWER_OUTER, K.JAW], 1] += GAP
    return face


def canvas(first: float, last: float) -> ImageArray:
    """An open mouth with teeth of two tints in turn from ``first`` to ``last`` below the lip."""
    face = open_face()
    left, right, lip = to_pixels(face[[K.MOUTH_LEFT, K.MOUTH_RIGHT, K.UPPER_INNER]])
    picture = np.full((CANVAS, CANVAS, 3), SKIN, np.uint8)
    top, end = int(lip[1]), int(lip[1] + GAP * UNIT)
    columns = slice(int(left[0]), int(right[0]))
    picture[top - 8 : end, columns] = CAVITY
    rows = slice(top - 8 if first == 0 else top + int(first * UNIT), top + int(last * UNIT))
    for x in range(columns.start, columns.stop, 12):
        picture[rows, x : x + 12] = TOOTH if x // 12 % 2 else OTHER
    return picture


def test_upper_teeth_are_taken_as_they_are() -> None:
    face = open_face()
    picture = canvas(0.0, 0.05)
    teeth = find_teeth(picture, face, seam_of(face))
    assert teeth is not None
    assert teeth.upper is not None
    x, y = to_pixels(face[K.UPPER_INNER]).round().astype(int)
    row = np.s_[y + 12, x - 30 : x + 30]
    assert (teeth.upper[row][:, 3] > 250).all()
    assert np.array_equal(teeth.upper[row][:, :3], picture[row])
    assert (teeth.upper[y - 10, x - 20 : x + 20, 3] > 250).all(), "they go on under the lip"
    assert not teeth.upper[y + int(0.06 * UNIT), :, 3].any(), "what is below is no tooth"
    layers = denture(seam_of(face), 200.0, teeth)
    assert np.array_equal(layers["upper_teeth"][row], teeth.upper[row])


def test_lower_teeth_lend_their_colour_only() -> None:
    face = open_face()
    teeth = find_teeth(canvas(0.052, 0.076), face, seam_of(face))
    assert teeth is not None
    assert teeth.upper is None
    assert np.abs(teeth.colour - np.mean([TOOTH, OTHER], 0)).max() < 20


def test_no_teeth_no_colour() -> None:
    face = open_face()
    assert find_teeth(canvas(0.05, 0.05), face, seam_of(face)) is None
    assert find_teeth(canvas(0.0, 0.05), usual_face(), seam_of(face)) is None
