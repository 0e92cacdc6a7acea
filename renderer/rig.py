"""Control points of the face: how places between the keypoints move with them.

Each control is a place on the face whose offset is a fixed mixture of keypoint offsets. They give
lips their arcs, the jaw its hinge, and hold still what no keypoint moves; the elastic field then
passes exactly through all of them, the keypoints included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray

K = Keypoint
Mixture = Mapping[Keypoint, float]

WARPING: tuple[Keypoint, ...] = tuple(
    k for k in Keypoint if k not in (K.LID_LEFT, K.LID_RIGHT, K.GAZE, K.TONGUE)
)
"""Keypoints that displace the skin; the others drive lids, irises and tongue."""

ON_LOWER_SHEET = frozenset({K.LOWER_INNER, K.LOWER_OUTER, K.JAW})
"""Keypoints below the slit between the lips."""


class Sheet(Enum):
    """Side of the slit between the lips that a control belongs to."""

    UPPER = 0
    LOWER = 1


@dataclass(frozen=True, slots=True)
class Control:
    """A place on the face and the mixture of keypoint offsets that it follows."""

    x: float
    y: float
    sheet: Sheet = Sheet.UPPER
    follow_x: Mixture = field(default_factory=dict)
    follow_y: Mixture = field(default_factory=dict)
    purse: float = 0.0
    """Offset in y per unit that the lips protrude: rounding closes the mouth from its corners, and
    makes the lips round outside."""


def controls(canonical: FloatArray, seam: FloatArray) -> list[Control]:
    """Controls of a face with keypoints ``canonical [21, 3]``, its lips closed along ``seam``."""
    placed = [
        Control(
            float(canonical[k, 0]),
            float(canonical[k, 1]),
            Sheet.LOWER if k in ON_LOWER_SHEET else Sheet.UPPER,
            {k: 1.0},
            {k: 1.0},
        )
        for k in WARPING
    ]
    return (
        placed + _lips(canonical, seam) + _jaw(canonical) + _middle(canonical) + _anchors(canonical)
    )


def _lips(canonical: FloatArray, seam: FloatArray) -> list[Control]:
    left, right = canonical[K.MOUTH_LEFT], canonical[K.MOUTH_RIGHT]
    middle, half = (left[0] + right[0]) / 2, (right[0] - left[0]) / 2
    corner_y = (left[1] + right[1]) / 2
    top, bottom = canonical[K.UPPER_OUTER, 1], canonical[K.LOWER_OUTER, 1]
    made = []
    for sign, corner, upper in (
        (-1.0, K.MOUTH_LEFT, K.UPPER_LEFT),
        (1.0, K.MOUTH_RIGHT, K.UPPER_RIGHT),
    ):

        def add(
            a: float,
            y: float,
            sheet: Sheet,
            follow_x: Mixture,
            follow_y: Mixture,
            purse: float = 0.0,
            sign: float = sign,
        ) -> None:
            x = float(middle + sign * a * half)
            made.append(Control(x, float(y), sheet, follow_x, follow_y, purse))

        def on_seam(a: float, sign: float = sign) -> float:
            return float(np.interp(middle + sign * a * half, seam[:, 0], seam[:, 1]))

        near = {upper: 0.53, corner: 0.47}
        add(0.8, on_seam(0.8), Sheet.UPPER, near, near)
        for a, above, purse in (
            (0.3, {K.UPPER_INNER: 0.4, upper: 0.6}, 0.0),
            (0.56, {upper: 0.92, corner: 0.08}, -0.18),
            (0.8, near, -0.38),
        ):
            # As the upper lip, but for an arc of the gap: closed lips touch all along.
            arc = (1 - a * a) ** 0.5
            rest = above.get(K.UPPER_INNER, 0.0) - arc
            down = {**above, K.LOWER_INNER: arc, K.UPPER_INNER: rest}
            across = {K.LOWER_INNER: 1 - a, corner: a}
            add(a, on_seam(a), Sheet.LOWER, across, down, purse)
        for a, purse in ((0.4, 0.05), (0.75, 0.08)):
            arc = (1 - a * a) ** 0.5
            y = corner_y + (bottom - corner_y) * (1 - a**2.2)
            across = {K.LOWER_OUTER: 1 - a, corner: a}
            down = {K.LOWER_OUTER: arc, corner: 1 - arc}
            add(a, y, Sheet.LOWER, across, down, purse)
        for a, mixture in (
            (0.4, {K.UPPER_OUTER: 0.5, upper: 0.5}),
            (0.75, {K.UPPER_OUTER: 0.1, upper: 0.45, corner: 0.45}),
        ):
            y = corner_y + (top - corner_y) * (1 - a**1.6)
            add(a, y, Sheet.UPPER, mixture, mixture)
    return made


def _jaw(canonical: FloatArray) -> list[Control]:
    """The jaw turns about a hinge near the ears: its outline follows the chin ever less."""
    x, chin = float(canonical[K.JAW, 0]), float(canonical[K.JAW, 1])
    outline = ((0.0, 0.06, 1.0), (0.1, 0.04, 0.96), (0.18, 0.0, 0.82), (0.25, -0.09, 0.52),
               (0.31, -0.20, 0.2))  # fmt: skip
    made = []
    for away, down, share in outline:
        for sign in (-1.0, 1.0) if away else (1.0,):
            follow = {K.JAW: share}
            made.append(Control(x + sign * away, chin + down, Sheet.LOWER, follow, follow))
    return made


def _middle(canonical: FloatArray) -> list[Control]:
    """Nose wings and the middle of the brows."""
    nose = canonical[K.NOSE]
    made = [
        Control(float(nose[0] + dx), float(nose[1] + dy), Sheet.UPPER, {K.NOSE: 0.8}, {K.NOSE: 0.8})
        for dx, dy in ((-0.075, 0.015), (0.075, 0.015), (0.0, 0.06))
    ]
    for inner, outer in (
        (K.BROW_INNER_LEFT, K.BROW_OUTER_LEFT),
        (K.BROW_INNER_RIGHT, K.BROW_OUTER_RIGHT),
    ):
        x, y = (canonical[inner, :2] + canonical[outer, :2]) / 2
        half = {inner: 0.5, outer: 0.5}
        made.append(Control(float(x), float(y) - 0.02, Sheet.UPPER, half, half))
    x, y = (canonical[K.BROW_INNER_LEFT, :2] + canonical[K.BROW_INNER_RIGHT, :2]) / 2
    between = {K.BROW_INNER_LEFT: 0.4, K.BROW_INNER_RIGHT: 0.4}
    made.append(Control(float(x), float(y), Sheet.UPPER, {}, between))
    return made


def _anchors(canonical: FloatArray) -> list[Control]:
    """Places that stay where they are: rims of the eyes, bridge of the nose, temples, hairline."""
    made = [
        Control(x, y)
        for x, y in (
            (0.0, -0.12), (-0.2, -0.52), (0.2, -0.52), (0.0, -0.56), (-0.31, -0.36), (0.31, -0.36),
            (-0.34, -0.18), (0.34, -0.18), (-0.34, 0.0), (0.34, 0.0),
        )
    ]  # fmt: skip
    for lid, cheek in ((K.LID_LEFT, K.CHEEK_LEFT), (K.LID_RIGHT, K.CHEEK_RIGHT)):
        x, y = float(canonical[lid, 0]), float(canonical[lid, 1])
        made += [Control(x + dx, y + 0.04) for dx in (-0.095, 0.095)]
        made += [Control(x, y - 0.025)]
        made += [Control(x, y + 0.10, Sheet.UPPER, {}, {cheek: 0.3})]
    return made
