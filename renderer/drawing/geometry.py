"""Where everything in Mira's face lies, in pixels of the 1024 x 1024 picture.

Outlines are listed for the right of the picture as (distance from the midline, y); the left
mirrors them. The keypoints of the avatar come from the same numbers as the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from motion.keypoints import EYE_DISTANCE, LID_TRAVEL, Keypoint
from motion.layout import FloatArray
from renderer.drawing.brush import MIDLINE, Point, sampled

UNIT = 512.0
"""Pixels of one canonical unit."""

PIVOT: Point = (MIDLINE, 520.0)
"""Pixel of the canonical origin, between the ears at the height of the nose tip."""

EYE_X = EYE_DISTANCE * UNIT / 2
EYE_Y = 446.0
IRIS_RADIUS = 23.5

FACE: list[Point] = [
    (0, 190), (70, 196), (128, 228), (162, 300), (171, 380), (171, 450), (165, 520), (152, 580),
    (127, 634), (92, 676), (52, 702), (0, 711),
]  # fmt: skip
"""Right half of the outline of the face, under the hair included."""

UPPER_LID: list[Point] = [
    (-46, 9),
    (-34, -7),
    (-14, -17.5),
    (8, -19.5),
    (28, -14),
    (42, -4),
    (50, 3),
]
"""Upper edge of the open eye, as (outwards, down) from the centre of the eye."""
LOWER_LID: list[Point] = [(-46, 9), (-30, 14), (-8, 16.5), (14, 16.5), (34, 11.5), (50, 3)]
CREASE: list[Point] = [(-44, -6), (-30, -21), (-8, -31), (14, -32), (36, -22), (52, -8)]

MOUTH_HALF = 66.0
SEAM: list[Point] = [
    (-66, 602), (-48, 608), (-26, 611), (-10, 612), (0, 613.5), (10, 612), (26, 611), (48, 608),
    (66, 602),
]  # fmt: skip
UPPER_LIP: list[Point] = [
    (-66, 602),
    (-40, 595),
    (-16, 589.5),
    (0, 593),
    (16, 589.5),
    (40, 595),
    (66, 602),
]
LOWER_LIP: list[Point] = [
    (-66, 602),
    (-46, 622),
    (-22, 635),
    (0, 638),
    (22, 635),
    (46, 622),
    (66, 602),
]

BROW: list[Point] = [(-52, 6), (-22, -7), (14, -13), (42, -6), (62, 12)]
"""Spine of the brow, as (outwards, down) from a point above the centre of the eye."""
BROW_Y = 388.0


def lid_profiles(count: int) -> dict[str, FloatArray]:
    """Heights of the lids over ``count`` columns from the inner to the outer corner of the eye.

    ``x`` is outwards from the centre of the eye; ``open``, ``closed``, ``lower`` and ``crease``
    are downwards from it.
    """
    x = np.linspace(UPPER_LID[0][0] - 12, UPPER_LID[-1][0] + 12, count)

    def height(points: Sequence[Point]) -> FloatArray:
        places = sampled(points, 200)
        return np.interp(x, places[:, 0], places[:, 1]).astype(np.float32)

    opened, lower = height(UPPER_LID), height(LOWER_LID)
    middle = np.argmin(np.abs(x))
    share = (opened - lower) / (opened - lower)[middle]
    closed = opened + share * LID_TRAVEL * UNIT
    return {
        "x": x.astype(np.float32),
        "open": opened,
        "closed": closed.astype(np.float32),
        "lower": lower,
        "crease": height(CREASE),
    }


def keypoint_pixels() -> dict[Keypoint, Point]:
    """Pixel of every keypoint in the drawn face."""
    k = Keypoint
    seam = sampled([(x, y) for x, y in SEAM], 400)
    half = float(np.interp(-MOUTH_HALF / 2, seam[:, 0], seam[:, 1]))
    offsets = {
        k.MOUTH_LEFT: (-MOUTH_HALF, 602.0),
        k.MOUTH_RIGHT: (MOUTH_HALF, 602.0),
        k.UPPER_OUTER: (0.0, 593.0),
        k.LOWER_OUTER: (0.0, 638.0),
        k.UPPER_INNER: (0.0, 613.5),
        k.LOWER_INNER: (0.0, 613.5),
        k.UPPER_LEFT: (-MOUTH_HALF / 2, half),
        k.UPPER_RIGHT: (MOUTH_HALF / 2, half),
        k.JAW: (0.0, 690.0),
        k.BROW_INNER_LEFT: (-EYE_X + 44, BROW_Y + 2),
        k.BROW_OUTER_LEFT: (-EYE_X - 48, BROW_Y - 2),
        k.BROW_INNER_RIGHT: (EYE_X - 44, BROW_Y + 2),
        k.BROW_OUTER_RIGHT: (EYE_X + 48, BROW_Y - 2),
        k.LID_LEFT: (-EYE_X, EYE_Y - 19.5),
        k.LID_RIGHT: (EYE_X, EYE_Y - 19.5),
        k.GAZE: (0.0, EYE_Y - 2),
        k.TONGUE: (0.0, 618.0),
        k.CHEEK_LEFT: (-112.0, 545.0),
        k.CHEEK_RIGHT: (112.0, 545.0),
        k.NOSE: (0.0, 530.0),
        k.FOREHEAD: (0.0, 310.0),
    }
    return {key: (MIDLINE + x, y) for key, (x, y) in offsets.items()}
