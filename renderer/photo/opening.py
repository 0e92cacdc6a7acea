"""Finds where the lips of a face meet, or how far they are open, by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.layout import FloatArray
from renderer.photo.upright import PIXELS, UprightFace

_SIDES: Final = (-0.62, 0.62)
"""Columns between which mouths lie."""
_TOP: Final = 0.85
_BOTTOM: Final = 1.65
"""Rows between which they lie."""
_SEAM: Final = (0.88, 1.36)
"""Rows between which closed lips meet, and the middles of open mouths lie."""
_USUAL_SEAM: Final = 1.06
_CLOSED: Final = (0.36, 0.48)
"""Half the width of a closed mouth, at the least and at the most; folds of the skin go on."""
_NARROWEST: Final = 0.3
"""Half the width of any mouth, at the least."""
_OFF: Final = 0.12
"""Farthest that its middle lies from the midline."""

_DARK: Final = 0.5
"""Brightness, relative to the skin, below which a pixel is inside the mouth."""
_PALE: Final = 0.6
"""Chroma, relative to the skin, below which a bright pixel is a tooth."""
_OPEN: Final = 0.05
"""Least area of an open mouth."""
_SPECK: Final = 0.006
"""Least area of one of its parts."""
_FULL: Final = 0.6
"""Least share of the outline of such a part that it fills."""
_CREASE: Final = 0.05
"""How much darker than around it the line between the lips is, in brightnesses of the skin."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """An opening between lips, or the line where they meet; in eye distances."""

    left: FloatArray
    right: FloatArray
    """The corners [2]."""
    upper: float
    """Row of the lower edge of the upper lip."""
    lower: float
    """Row of the upper edge of the lower lip."""

    @property
    def middle(self) -> float:
        return float(np.clip((self.left[0] + self.right[0]) / 2, -_OFF, _OFF))


def find_mouth(face: UprightFace) -> Mouth:
    """The mouth of ``face``; at its average place if nothing is found."""
    part, skin = face.part(_SIDES, (_TOP, _BOTTOM)), face.skin()
    light = part[..., 0] / max(float(skin[0]), 1.0)
    crease = _crease(light)
    columns, rows = _columns(light), _rows(light)
    inside = _inside(part, light, skin)
    opening = _opening(inside)
    if opening is None:
        dark = light[:, np.abs(columns) < 0.2].mean(1) + 0.6 * np.square(rows - _USUAL_SEAM)
        near = (rows > _SEAM[0]) & (rows < _SEAM[1])
        seam = float(rows[np.argmin(np.where(near, dark, np.inf))])
        ends = [_corner(crease, (0.0, seam), step) for step in (-1, 1)]
        return _mouth(ends, _CLOSED, (seam, seam))
    across = np.flatnonzero(inside.any(0))
    ends = []
    for column, step in ((across[0], -1), (across[-1], 1)):
        start = float(columns[column]), float(rows[inside[:, column]].mean())
        ends.append(_corner(crease, start, step))
    return _mouth(ends, (_NARROWEST, _SIDES[1]), opening)


def _mouth(
    ends: Sequence[tuple[float, float]], half: tuple[float, float], rows: tuple[float, float]
) -> Mouth:
    """A mouth with corners at ``ends``, at least and at most ``half`` from the midline."""
    corners = [
        np.array((sign * np.clip(sign * x, *half), y), np.float32)
        for sign, (x, y) in zip((-1.0, 1.0), ends, strict=True)
    ]
    return Mouth(corners[0], corners[1], *rows)


def _inside(part: FloatArray, light: FloatArray, skin: FloatArray) -> npt.NDArray[np.bool_]:
    """Which places are within an open mouth: dark, or teeth."""
    chroma = np.hypot(part[..., 1], part[..., 2]) / max(float(np.hypot(skin[1], skin[2])), 1.0)
    either = ((light < _DARK) | ((chroma < _PALE) & (light > _PALE))).astype(np.uint8)
    either = np.asarray(cv2.morphologyEx(either, cv2.MORPH_CLOSE, np.ones((7, 7))), np.uint8)
    either = np.asarray(cv2.morphologyEx(either, cv2.MORPH_OPEN, np.ones((3, 3))), np.uint8)
    _, labels, stats, centres = cv2.connectedComponentsWithStats(either)
    inside = np.zeros(labels.shape, np.bool_)
    for label in range(1, len(stats)):
        x, y = centres[label] / PIXELS + (_SIDES[0], _TOP)
        amid = abs(x) < 0.4 and _SEAM[0] < y < _SEAM[1]
        large = stats[label, cv2.CC_STAT_AREA] > _SPECK * PIXELS**2
        if amid and large and _compact(labels == label):
            inside |= labels == label
    return inside


def _compact(place: npt.NDArray[np.bool_]) -> bool:
    """Whether ``place`` lies within lips and fills its outline; beards do not."""
    if place[-1].any():
        return False
    hull = cv2.convexHull(np.argwhere(place).astype(np.int32))
    return bool(place.sum() > _FULL * cv2.contourArea(hull))


def _opening(inside: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """The rows between which an open mouth is open in its middle; None if it is closed."""
    if inside.sum() < _OPEN * PIXELS**2:
        return None
    across = _columns(inside)[inside.any(0)]
    middle = np.clip((across[0] + across[-1]) / 2, -_OFF, _OFF)
    near = inside[:, np.abs(_columns(inside) - middle) < 0.1]
    open_ = near[:, near.any(0)]
    if open_.shape[1] < near.shape[1] / 2:
        return None
    rows = _rows(inside)
    first = float(np.median(rows[open_.argmax(0)]))
    last = float(np.median(rows[len(rows) - 1 - open_[::-1].argmax(0)]))
    return first, last


def _crease(light: FloatArray) -> FloatArray:
    """How much brighter places are than what is around them; less than 0 in dark lines."""
    fine, around = (cv2.GaussianBlur(light, (0, 0), sigma * PIXELS) for sigma in (0.01, 0.06))
    return np.asarray(fine - around, np.float32)


def _corner(crease: FloatArray, start: tuple[float, float], step: int) -> tuple[float, float]:
    """The corner of a mouth: where the dark line ends that leads from ``start`` outwards."""
    x, y = start
    column, row = round((x - _SIDES[0]) * PIXELS), round((y - _TOP) * PIXELS)
    missed = 0
    while 0 <= column < crease.shape[1] and missed < 0.06 * PIXELS:
        near = slice(max(row - 2, 0), row + 3)
        row = near.start + int(np.argmin(crease[near, column]))
        missed += 1
        if crease[row, column] < -_CREASE:
            x, y, missed = float(_columns(crease)[column]), float(_rows(crease)[row]), 0
        column += step
    return x, y


def _columns(part: npt.NDArray[np.generic]) -> FloatArray:
    found: FloatArray = np.arange(part.shape[1], dtype=np.float32) / np.float32(PIXELS) + _SIDES[0]
    return found


def _rows(part: npt.NDArray[np.generic]) -> FloatArray:
    found: FloatArray = np.arange(part.shape[0], dtype=np.float32) / np.float32(PIXELS) + _TOP
    return found
