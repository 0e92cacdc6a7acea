"""Where everything in a face lies, in pixels of the 1024 x 1024 picture.

Outlines are listed for the right of the picture as (distance from the midline, y); the left
mirrors them. The keypoints of an avatar come from the same numbers as its drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

Outline = tuple[Point, ...]


USUAL_FACE: Outline = (
    (0, 190), (70, 196), (128, 228), (162, 300), (171, 380), (171, 450), (165, 520),
    (152, 580), (127, 634), (92, 676), (52, 702), (0, 711),
)  # fmt: skip


@dataclass(frozen=True)
class Geometry:
    """Outlines of one face; lids and brows are given as (outwards, down) from the eye's centre."""

    face: Outline = USUAL_FACE
    """Right half of the outline of the face, including what hair covers."""
    upper_lid: Outline = (
        (-46, 9), (-34, -7), (-14, -17.5), (8, -19.5), (28, -14), (42, -4), (50, 3),
    )  # fmt: skip
    lower_lid: Outline = ((-46, 9), (-30, 14), (-8, 16.5), (14, 16.5), (34, 11.5), (50, 3))
    crease: Outline = ((-44, -6), (-30, -21), (-8, -31), (14, -32), (36, -22), (52, -8))
    lid_travel: float = LID_TRAVEL * UNIT
    """How far the middle of the upper lid moves down to close the eye."""
    iris_radius: float = 23.5
    seam: Outline = (
        (-66, 602), (-48, 608), (-26, 611), (-10, 612), (0, 613.5), (10, 612), (26, 611),
        (48, 608), (66, 602),
    )  # fmt: skip
    upper_lip: Outline = (
        (-66, 602), (-40, 595), (-16, 589.5), (0, 593), (16, 589.5), (40, 595), (66, 602),
    )  # fmt: skip
    lower_lip: Outline = (
        (-66, 602), (-46, 622), (-22, 635), (0, 638), (22, 635), (46, 622), (66, 602),
    )  # fmt: skip
    brow: Outline = ((-52, 6), (-22, -7), (14, -13), (42, -6), (62, 12))
    """Spine of the brow; heights are relative to ``brow_y``."""
    brow_y: float = 388.0
    jaw_y: float = 690.0
    nose_y: float = 530.0
    cheek: Point = (112.0, 545.0)
    forehead_y: float = 310.0

    @property
    def mouth_half(self) -> float:
        """Half the width of the mouth."""
        return self.seam[-1][0]

    def fitted(self, points: Sequence[Point]) -> list[Point]:
        """``points`` (outwards, y) of the usual face, moved to this one's outline."""
        if self.face == USUAL_FACE:
            return list(points)
        widths = []
        for outline in (USUAL_FACE, self.face):
            places = sampled(outline, 200)
            order = np.argsort(places[:, 1])
            widths.append(places[order])
        result = []
        for x, y in points:
            old, new = (float(np.interp(y, w[:, 1], w[:, 0])) for w in widths)
            result.append((x * new / max(old, 30.0) if old >= 30.0 else x, y))
        return result

    def lid_profiles(self, count: int) -> dict[str, FloatArray]:
        """Heights of the lids over ``count`` columns from the inner to the outer corner.

        ``x`` is outwards from the centre of the eye; ``open``, ``closed``, ``lower`` and
        ``crease`` are downwards from it.
        """
        x = np.linspace(self.upper_lid[0][0] - 12, self.upper_lid[-1][0] + 12, count)

        def height(points: Sequence[Point]) -> FloatArray:
            places = sampled(points, 200)
            return np.interp(x, places[:, 0], places[:, 1]).astype(np.float32)

        opened, lower = height(self.upper_lid), height(self.lower_lid)
        middle = np.argmin(np.abs(x))
        share = (opened - lower) / (opened - lower)[middle]
        closed = opened + share * self.lid_travel
        return {
            "x": x.astype(np.float32),
            "open": opened,
            "closed": closed.astype(np.float32),
            "lower": lower,
            "crease": height(self.crease),
        }

    def keypoint_pixels(self) -> dict[Keypoint, Point]:
        """Pixel of every keypoint in the drawn face."""
        k = Keypoint
        half, corner_y = self.mouth_half, self.seam[0][1]
        seam = sampled(self.seam, 400)
        beside = float(np.interp(-half / 2, seam[:, 0], seam[:, 1]))
        middle = self.seam[len(self.seam) // 2][1]
        lid_y = EYE_Y + min(y for _, y in self.upper_lid)
        offsets = {
            k.MOUTH_LEFT: (-half, corner_y),
            k.MOUTH_RIGHT: (half, corner_y),
            k.UPPER_OUTER: (0.0, self.upper_lip[len(self.upper_lip) // 2][1]),
            k.LOWER_OUTER: (0.0, self.lower_lip[len(self.lower_lip) // 2][1]),
            k.UPPER_INNER: (0.0, middle),
            k.LOWER_INNER: (0.0, middle),
            k.UPPER_LEFT: (-half / 2, beside),
            k.UPPER_RIGHT: (half / 2, beside),
            k.JAW: (0.0, self.jaw_y),
            k.BROW_INNER_LEFT: (-EYE_X + 44, self.brow_y + 2),
            k.BROW_OUTER_LEFT: (-EYE_X - 48, self.brow_y - 2),
            k.BROW_INNER_RIGHT: (EYE_X - 44, self.brow_y + 2),
            k.BROW_OUTER_RIGHT: (EYE_X + 48, self.brow_y - 2),
            k.LID_LEFT: (-EYE_X, lid_y),
            k.LID_RIGHT: (EYE_X, lid_y),
            k.GAZE: (0.0, EYE_Y - 2),
            k.TONGUE: (0.0, middle + 4.5),
            k.CHEEK_LEFT: (-self.cheek[0], self.cheek[1]),
            k.CHEEK_RIGHT: self.cheek,
            k.NOSE: (0.0, self.nose_y),
            k.FOREHEAD: (0.0, self.forehead_y),
        }
        return {key: (MIDLINE + x, y) for key, (x, y) in offsets.items()}
