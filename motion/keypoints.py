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
- z of the lip keypoints is protrusion (rounding); ``LOWER_INNER`` z below 0 rolls the lower lip
  in under the upper teeth (f, v), z of both inner lips below 0 presses the lips (m, b, p).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

EYE_DISTANCE: Final = 0.33
"""Distance of the eye centres in canonical units; it defines the unit."""


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


MIRRORED: Final = (
    (Keypoint.MOUTH_LEFT, Keypoint.MOUTH_RIGHT),
    (Keypoint.UPPER_LEFT, Keypoint.UPPER_RIGHT),
    (Keypoint.BROW_INNER_LEFT, Keypoint.BROW_INNER_RIGHT),
    (Keypoint.BROW_OUTER_LEFT, Keypoint.BROW_OUTER_RIGHT),
    (Keypoint.LID_LEFT, Keypoint.LID_RIGHT),
    (Keypoint.CHEEK_LEFT, Keypoint.CHEEK_RIGHT),
)
"""Pairs that swap when a face is mirrored; every other keypoint lies on the midline."""
