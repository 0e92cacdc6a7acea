"""The 21 semantic keypoints of the embedded family, and what their offsets mean.

Left and right are those of the PICTURE (the viewer's), not the person's. Canonical keypoints
``x_c`` have their origin at the pivot of the head (between the ears, about the height of the
nose tip) and a unit such that the eye centres are ``EYE_DISTANCE`` apart, so that one motion
means the same on every avatar. Offsets are in that unit.

Some keypoints carry meanings that are not plain displacement:

- ``LID_*``: y closes the upper lid; from the canonical height (open as in the portrait)
  down by the avatar's lid travel (closed). The lower lid follows cheek and upper lid.
- ``GAZE``: the point that both eyes aim at; its x, y offset moves both irises by that amount.
- ``TONGUE``: tip of the tongue; y up lifts it, z forward (positive) shows it between the teeth.
- z of the lip keypoints is protrusion (rounding: it closes the mouth from its corners); where
  ``LOWER_INNER`` z lies below ``UPPER_INNER`` z, the lower lip rolls in under the upper teeth
  (f, v); both below 0 press the lips (m, b, p).

Offsets that look natural, in units of 0.01 (1 unit is 256 pixels of a 512-pixel frame). They are
the same on every embedded avatar; halfway between two of them is halfway between the shapes. The
gap that shows between the lips is ``LOWER_INNER.y - UPPER_INNER.y``, but never less than none.

==================  ====  ====  ====  ====  ====  ====  ====  ====  =====
keypoint, axis        AA    EH    EE    OH    OO   MBP    FV    TH  smile
==================  ====  ====  ====  ====  ====  ====  ====  ====  =====
MOUTH_LEFT x         0.0  -1.0  -2.6   3.0   5.0   0.0  -0.3  -0.5   -4.0
MOUTH_* y            1.8   0.8  -0.4   1.6   1.0   0.0   0.2   0.4   -2.4
UPPER_INNER y       -1.4  -1.0  -1.2  -1.2  -1.0   0.4  -1.6  -0.8    0.0
UPPER_LEFT x         0.0  -0.4  -1.0   1.2   2.2   0.0   0.0   0.0   -1.6
UPPER_LEFT/RIGHT y  -1.0  -0.8  -1.0  -0.6  -0.2   0.4  -1.2  -0.6   -0.4
UPPER_OUTER y       -1.2  -0.9  -1.0  -1.2  -1.4   0.8  -1.2  -0.7   -0.2
LOWER_INNER y       11.0   6.0   3.0   7.5   3.0  -0.4   0.8   3.0    0.0
LOWER_OUTER y       10.5   5.8   3.0   7.2   3.2  -1.4   0.2   2.8    0.4
UPPER_INNER z        0.0   0.0   0.0   2.0   4.0  -2.0   0.0   0.0    0.0
LOWER_INNER z        0.0   0.0   0.0   2.0   4.0  -2.0  -3.0   0.0    0.0
JAW y                9.0   4.8   1.6   6.0   2.0  -0.2   0.6   2.0    0.0
TONGUE y             0.0  -0.5  -1.0   0.0   0.0   0.0   0.0  -3.0    0.0
TONGUE z             0.0   0.0   0.0  -1.0  -1.0   0.0   0.0   3.0    0.0
CHEEK_* y            0.0  -0.2  -0.5   0.3   0.4   0.0   0.0   0.0   -1.6
==================  ====  ====  ====  ====  ====  ====  ====  ====  =====

The right side mirrors the left (x with the opposite sign). L is TH with TONGUE z at 1.0.

Beyond the limits of :mod:`motion.limits`, or with a gap above 15, a face is no longer drawn well.
LID_* y runs from -0.9 (wide eyes) over 0 (open) to ``LID_TRAVEL`` (closed). GAZE x +-3.6, y +-2.2.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

EYE_DISTANCE: Final = 0.33
"""Distance of the eye centres in canonical units; it defines the unit."""

LID_TRAVEL: Final = 0.07
"""Offset of ``LID_*`` y, in canonical units, that closes an eye."""


class Keypoint(IntEnum):
    MOUTH_LEFT = 0
    MOUTH_RIGHT = 1
    UPPER_OUTER = 2
    LOWER_OUTER = 3
    UPPER_INNER = 4
    LOWER_INNER = 5
    UPPER_LEFT = 6
    UPPER_RIGHT = 7
    JAW = 8
    BROW_INNER_LEFT = 9
    BROW_OUTER_LEFT = 10
    BROW_INNER_RIGHT = 11
    BROW_OUTER_RIGHT = 12
    LID_LEFT = 13
    LID_RIGHT = 14
    GAZE = 15
    TONGUE = 16
    CHEEK_LEFT = 17
    CHEEK_RIGHT = 18
    NOSE = 19
    FOREHEAD = 20


LIDS: Final = [Keypoint.LID_LEFT, Keypoint.LID_RIGHT]
BROWS: Final = [
    Keypoint.BROW_INNER_LEFT,
    Keypoint.BROW_OUTER_LEFT,
    Keypoint.BROW_INNER_RIGHT,
    Keypoint.BROW_OUTER_RIGHT,
]

MIRRORED: Final = (
    (Keypoint.MOUTH_LEFT, Keypoint.MOUTH_RIGHT),
    (Keypoint.UPPER_LEFT, Keypoint.UPPER_RIGHT),
    (Keypoint.BROW_INNER_LEFT, Keypoint.BROW_INNER_RIGHT),
    (Keypoint.BROW_OUTER_LEFT, Keypoint.BROW_OUTER_RIGHT),
    (Keypoint.LID_LEFT, Keypoint.LID_RIGHT),
    (Keypoint.CHEEK_LEFT, Keypoint.CHEEK_RIGHT),
)
"""Pairs that swap when a face is mirrored; every other keypoint lies on the midline."""
