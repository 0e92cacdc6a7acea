"""Wrinkles: folds and lights that expressions lay on the skin, drawn before it is warped.

They are made from the keypoints and the face's own colours, so that every portrait has them. Each
one darkens or brightens a small part of the face by a strength that is linear in the offsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from motion.keypoints import MIRRORED, Keypoint
from motion.layout import KEYPOINTS, FloatArray
from renderer.contract import ImageArray
from renderer.layer import Layer, Rect
from renderer.warp import Chart

K = Keypoint
Point = tuple[float, float]

SHADE = np.array((0.52, 0.45, 0.30, 0.0), np.float32)
"""Share of blue, green, red and alpha that the deepest fold takes away: shadows on skin are red."""
GLOW = np.array((0.08, 0.08, 0.07, 0.0), np.float32)
"""Share that the brightest light adds."""
LEAST = 0.02
"""Strength below which nothing is drawn."""
REACH = 3.5
"""Widths of a line beyond which nothing of it shows."""


@dataclass(frozen=True, slots=True)
class Line:
    """A fold along ``points``, canonical, that is ``depth`` deep and fades over ``width``."""

    points: Sequence[Point]
    depth: float
    width: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A soft light, or a shadow where ``light`` is negative, with canonical centre and radii."""

    centre: Point
    radii: Point
    light: float


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines and spots that come together with some offsets of keypoints."""

    follow: Mapping[Keypoint, Point]
    """Strength per canonical unit of offset in x and in y."""
    lines: Sequence[Line] = ()
    spots: Sequence[Spot] = ()
    late: float = 0.0
    """Strength before which nothing shows."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a fold at full strength adds to ``rect`` of the face, or takes from it."""

    rect: Rect
    amount: ImageArray
    sign: float


@dataclass(frozen=True, slots=True)
class Wrinkles:
    """All folds of one face, in the pixels of its texture."""

    follow: FloatArray
    """[folds, 42]: strength per x and y of the keypoints' offsets."""
    late: FloatArray
    """[folds]"""
    changes: list[list[Change]]
    """Of each fold."""

    def strengths(self, offsets: FloatArray) -> list[float]:
        """How strong each fold is, 0 to 1, under ``offsets [21, 3]``."""
        wanted = self.follow @ offsets[:, :2].reshape(-1)
        shown = (wanted - self.late) / (1.0 - self.late)
        return [min(max(v, 0.0), 1.0) for v in shown.tolist()]

    def draw(self, texture: ImageArray, offsets: FloatArray) -> None:
        """Draw the folds of ``offsets [21, 3]`` into the face's ``texture``."""
        for changes, strength in zip(self.changes, self.strengths(offsets), strict=True):
            if strength < LEAST:
                continue
            for change in changes:
                patch = change.rect.cut(texture)
                cv2.addWeighted(patch, 1.0, change.amount, change.sign * strength, 0.0, dst=patch)


def prepare_wrinkles(canonical: FloatArray, face: Layer, frame: Chart) -> Wrinkles:
    """Folds of a face with keypoints ``canonical [21, 3]``; ``frame`` is where pixels lie."""
    chart = frame.moved(face.x, face.y)
    folds = _folds(canonical)
    follow = np.zeros((len(folds), KEYPOINTS, 2), np.float32)
    for row, fold in zip(follow, folds, strict=True):
        for key, weights in fold.follow.items():
            row[key] = weights
    return Wrinkles(
        follow.reshape(len(folds), -1),
        np.array([fold.late for fold in folds], np.float32),
        [_changes(fold, face, chart) for fold in folds],
    )


def _folds(canonical: FloatArray) -> list[Fold]:
    """The folds that faces have, by what makes them."""
    made = [_frown(canonical), _worry(canonical)]
    for sign in (-1.0, 1.0):
        made += [_smile(canonical, sign), _jaw(canonical, sign), _forehead(canonical, sign)]
        made += [_sneer(canonical, sign)]
    return made


def _of_side(left: Keypoint, sign: float) -> Keypoint:
    """``left`` for the sign -1, its mirrored partner for 1."""
    return left if sign < 0 else dict(MIRRORED)[left]


def _at(canonical: FloatArray, key: Keypoint) -> Point:
    return float(canonical[key, 0]), float(canonical[key, 1])


def _smile(canonical: FloatArray, sign: float) -> Fold:
    """From the wing of the nose around the corner of the mouth; the cheek lifts over it."""
    cheek, corner = _of_side(K.CHEEK_LEFT, sign), _of_side(K.MOUTH_LEFT, sign)
    nose_x, nose_y = _at(canonical, K.NOSE)
    corner_x, corner_y = _at(canonical, corner)
    cheek_x, cheek_y = _at(canonical, cheek)
    eye_x, eye_y = _at(canonical, _of_side(K.LID_LEFT, sign))
    rise = corner_y - nose_y
    fold = [
        (nose_x + sign * 0.082, nose_y + 0.02),
        (nose_x + sign * 0.115, nose_y + 0.30 * rise),
        (corner_x + sign * 0.030, corner_y - 0.42 * rise),
        (corner_x + sign * 0.056, corner_y - 0.10 * rise),
        (corner_x + sign * 0.052, corner_y + 0.20 * rise),
    ]
    below = [(eye_x + sign * x, eye_y + y) for x, y in ((-0.07, 0.098), (0.0, 0.115), (0.08, 0.09))]
    return Fold(
        {cheek: (0.0, -0.5 / 0.016), corner: (sign * 0.25 / 0.03, -0.25 / 0.02)},
        [Line(fold, 0.44, 0.011), Line(fold, 0.20, 0.026), Line(below, 0.22, 0.010)],
        [
            Spot((cheek_x, cheek_y - 0.02), (0.07, 0.04), 1.0),
            Spot((cheek_x + sign * 0.01, cheek_y + 0.07), (0.05, 0.035), -0.16),
        ],
        late=0.06,
    )


def _jaw(canonical: FloatArray, sign: float) -> Fold:
    """The cheek grows hollow as the jaw drops."""
    corner_x, corner_y = _at(canonical, _of_side(K.MOUTH_LEFT, sign))
    cheek_x, cheek_y = _at(canonical, _of_side(K.CHEEK_LEFT, sign))
    return Fold(
        {K.JAW: (0.0, 1 / 0.09)},
        [Line([(corner_x + sign * 0.05, corner_y - 0.07), (corner_x + sign * 0.062, corner_y),
               (corner_x + sign * 0.05, corner_y + 0.08)], 0.20, 0.016)],
        [Spot((cheek_x + sign * 0.02, (cheek_y + corner_y) / 2 + 0.03), (0.045, 0.075), -0.18)],
        late=0.15,
    )  # fmt: skip


def _frown(canonical: FloatArray) -> Fold:
    """Upright folds between the brows."""
    left, right = _at(canonical, K.BROW_INNER_LEFT), _at(canonical, K.BROW_INNER_RIGHT)
    x, y = (left[0] + right[0]) / 2, (left[1] + right[1]) / 2
    lines = [
        Line([(x + s * 0.036, y - 0.075), (x + s * 0.028, y - 0.01), (x + s * 0.036, y + 0.05)],
             0.40, 0.007)
        for s in (-1.0, 1.0)
    ]  # fmt: skip
    return Fold(
        {
            K.BROW_INNER_LEFT: (0.25 / 0.016, 0.25 / 0.024),
            K.BROW_INNER_RIGHT: (-0.25 / 0.016, 0.25 / 0.024),
        },
        lines,
        [Spot((x, y), (0.06, 0.05), -0.10), Spot((x, y - 0.03), (0.012, 0.03), 0.5)],
        late=0.10,
    )


def _worry(canonical: FloatArray) -> Fold:
    """Short level folds on the middle of the forehead, as its inner brows rise."""
    x = float(canonical[K.FOREHEAD, 0])
    return Fold(
        {
            K.BROW_INNER_LEFT: (0.0, -0.5 / 0.034),
            K.BROW_INNER_RIGHT: (0.0, -0.5 / 0.034),
        },
        [Line([(x - 0.12, y + 0.002), (x - 0.04, y - 0.004), (x + 0.04, y - 0.004),
               (x + 0.12, y + 0.002)], 0.22, 0.007) for y in _rows(canonical)],
        late=0.25,
    )  # fmt: skip


def _forehead(canonical: FloatArray, sign: float) -> Fold:
    """The same folds going on over an outer brow that rises."""
    x = float(canonical[K.FOREHEAD, 0])
    return Fold(
        {_of_side(K.BROW_OUTER_LEFT, sign): (0.0, -1 / 0.034)},
        [Line([(x + sign * 0.03, y - 0.003), (x + sign * 0.12, y), (x + sign * 0.21, y + 0.018)],
              0.17, 0.007) for y in _rows(canonical)],
        late=0.25,
    )  # fmt: skip


def _rows(canonical: FloatArray) -> list[float]:
    """Heights of the folds of the forehead."""
    brow = (canonical[K.BROW_INNER_LEFT, 1] + canonical[K.BROW_OUTER_LEFT, 1]) / 2
    top = float(canonical[K.FOREHEAD, 1])
    return [float(brow + share * (top - brow)) for share in (0.62, 0.95, 1.25)]


def _sneer(canonical: FloatArray, sign: float) -> Fold:
    """Folds across the side of a nose that is drawn up."""
    nose_x, nose_y = _at(canonical, K.NOSE)
    bridge = nose_y - 0.15
    lines = [
        Line([(nose_x + sign * 0.012, bridge + dy), (nose_x + sign * 0.048, bridge + 0.024 + dy)],
             0.60, 0.008)
        for dy in (0.0, 0.028)
    ]  # fmt: skip
    wing = [(nose_x + sign * 0.07, nose_y - 0.02), (nose_x + sign * 0.085, nose_y + 0.03)]
    return Fold({K.NOSE: (0.0, -1 / 0.009)}, [*lines, Line(wing, 0.5, 0.010)], late=0.12)


def _changes(fold: Fold, face: Layer, chart: Chart) -> list[Change]:
    rect = _around(fold, chart).within(face.rect.width, face.rect.height)
    local, shape = chart.moved(rect.x, rect.y), (rect.height, rect.width)
    dark, light = np.zeros((2, *shape), np.float32)
    for line in fold.lines:
        dark = np.maximum(dark, _drawn_line(line, local, shape))
    for spot in fold.spots:
        mask = light if spot.light > 0 else dark
        mask += abs(spot.light) * _drawn_spot(spot, local, shape)
    patch = rect.cut(face.pixels)
    changes = []
    for mask, tint, sign in ((dark, SHADE, -1.0), (light, GLOW, 1.0)):
        amount = np.rint(patch * np.minimum(mask, 1.0)[..., None] * tint).astype(np.uint8)
        part = Rect(*cv2.boundingRect(amount.max(-1)))
        if not part.empty:
            place = Rect(rect.x + part.x, rect.y + part.y, part.width, part.height)
            changes.append(Change(place, np.ascontiguousarray(part.cut(amount)), sign))
    return changes


def _around(fold: Fold, chart: Chart) -> Rect:
    """What of the face's texture a fold may change."""
    boxes = [(p, (REACH * line.width,) * 2) for line in fold.lines for p in line.points]
    boxes += [(spot.centre, (2 * spot.radii[0], 2 * spot.radii[1])) for spot in fold.spots]
    centres, reaches = (np.array(v, np.float32) for v in zip(*boxes, strict=True))
    x0, y0 = np.floor(chart.index((centres - reaches).min(0))).astype(int).tolist()
    x1, y1 = np.ceil(chart.index((centres + reaches).max(0))).astype(int).tolist()
    return Rect(x0, y0, x1 - x0, y1 - y0)


def _drawn_line(line: Line, chart: Chart, shape: tuple[int, int]) -> FloatArray:
    """``line`` as an array of ``shape``, full in its middle and thin at its ends."""
    places = np.rint(chart.index(_smooth(line.points)) * 16).astype(np.int32)
    drawn = np.zeros(shape, np.uint8)
    strengths = np.sin(np.linspace(0.1, np.pi - 0.1, len(places) - 1)) * 255
    for start, end, strength in zip(places[:-1], places[1:], strengths.tolist(), strict=True):
        cv2.line(drawn, start.tolist(), end.tolist(), strength, 1, cv2.LINE_AA, 4)
    sigma = line.width * chart.gain
    blurred = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), sigma)
    # A line one pixel wide, blurred, is this much lower than it was.
    result: FloatArray = blurred * np.float32(line.depth * sigma * np.sqrt(2 * np.pi))
    return result


def _drawn_spot(spot: Spot, chart: Chart, shape: tuple[int, int]) -> FloatArray:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    centre_x, centre_y = chart.index(np.array(spot.centre, np.float32))
    radius_x, radius_y = (radius * chart.gain for radius in spot.radii)
    r2 = ((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2
    drawn: FloatArray = np.maximum(1.0 - r2 / 4, 0.0) ** 3
    return drawn


def _smooth(points: Sequence[Point]) -> FloatArray:
    """A curve [k, 2] with its corners cut three times, from the first point to the last."""
    curve = np.array(points, np.float32)
    for _ in range(3):
        quarter = np.diff(curve, axis=0) / 4
        cut = np.stack([curve[:-1] + quarter, curve[1:] - quarter], 1).reshape(-1, 2)
        curve = np.concatenate([curve[:1], cut[1:-1], curve[-1:]])
    return curve
