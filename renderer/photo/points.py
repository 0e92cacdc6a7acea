"""The 21 keypoints in a picture: the usual face, the checks, and the frame they define."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.keypoints import EYE_DISTANCE, Keypoint
from motion.layout import KEYPOINTS, FloatArray

K = Keypoint

_RIGHT_HALF: Final[Mapping[Keypoint, tuple[float, float]]] = {
    K.MOUTH_RIGHT: (0.126, 0.162), K.UPPER_OUTER: (0.0, 0.142), K.LOWER_OUTER: (0.0, 0.230),
    K.UPPER_INNER: (0.0, 0.182), K.LOWER_INNER: (0.0, 0.182), K.UPPER_RIGHT: (0.064, 0.176),
    K.JAW: (0.0, 0.335), K.BROW_INNER_RIGHT: (0.08, -0.25), K.BROW_OUTER_RIGHT: (0.255, -0.257),
    K.LID_RIGHT: (0.165, -0.181), K.GAZE: (0.0, -0.149), K.TONGUE: (0.0, 0.19),
    K.CHEEK_RIGHT: (0.219, 0.049), K.NOSE: (0.0, 0.02), K.FOREHEAD: (0.0, -0.41),
}  # fmt: skip

_LEFT_OF: Final = {
    K.MOUTH_LEFT: K.MOUTH_RIGHT, K.UPPER_LEFT: K.UPPER_RIGHT,
    K.BROW_INNER_LEFT: K.BROW_INNER_RIGHT, K.BROW_OUTER_LEFT: K.BROW_OUTER_RIGHT,
    K.LID_LEFT: K.LID_RIGHT, K.CHEEK_LEFT: K.CHEEK_RIGHT,
}  # fmt: skip


def usual_face() -> FloatArray:
    """Keypoints [21, 2] of an average face in canonical units, seen from the front."""
    face = np.zeros((KEYPOINTS, 2), np.float32)
    for key in Keypoint:
        x, y = _RIGHT_HALF[_LEFT_OF.get(key, key)]
        face[key] = (-x if key in _LEFT_OF else x), y
    return face


NOSE_BELOW_ORIGIN: Final = 0.02
"""Height of the nose's tip under the canonical origin, in canonical units."""

LONGEST: Final = 0.365
"""Most that the chin's keypoint may lie below the nose while the lips are closed."""


class PointsError(ValueError):
    """Keypoints do not make a face; the text is one sentence that says what is wrong."""


def points_named(points: FloatArray) -> dict[str, list[float]]:
    """``points [21, 2]`` by the names of the keypoints."""
    return {key.name: np.round(points[key].astype(float), 2).tolist() for key in Keypoint}


def named_points(values: object) -> FloatArray:
    """Keypoints [21, 2] from their places by name; raises :class:`PointsError`."""
    if not isinstance(values, Mapping):
        raise PointsError("The keypoints must be an object of names and places.")
    unknown = sorted(str(name) for name in values if name not in Keypoint.__members__)
    missing = [key.name for key in Keypoint if key.name not in values]
    if unknown or missing:
        words = "are missing" if missing else "are unknown"
        raise PointsError(f"Some keypoints {words}: {', '.join(missing or unknown)[:200]}.")
    try:
        points = np.array([values[key.name] for key in Keypoint], np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise PointsError("Each keypoint needs two numbers, x and y.") from error
    if points.shape != (KEYPOINTS, 2) or not np.isfinite(points).all():
        raise PointsError("Each keypoint needs two numbers, x and y.")
    return points


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a face lies in a picture: pixel = canonical @ turn + origin."""

    turn: FloatArray
    """[2, 2]: rotation by the roll of the head times pixels per canonical unit."""
    origin: FloatArray
    """Pixel [2] of the canonical origin."""

    @property
    def unit(self) -> float:
        """Pixels of the picture in one canonical unit."""
        return float(np.hypot(*self.turn[0]))

    def pixels(self, places: FloatArray) -> FloatArray:
        """Pixels [..., 2] of canonical ``places [..., 2]``."""
        result: FloatArray = (places @ self.turn + self.origin).astype(np.float32)
        return result

    def places(self, pixels: FloatArray) -> FloatArray:
        """Canonical places [..., 2] of ``pixels [..., 2]``."""
        result: FloatArray = ((pixels - self.origin) @ np.linalg.inv(self.turn)).astype(np.float32)
        return result


def placement(points: FloatArray) -> Placement:
    """How the face with keypoints ``points [21, 2]`` in pixels lies: eyes level, nose in front.

    The origin is on the midline between the eyes, about level with the tip of the nose. A face
    too long for its eyes' distance is made smaller, so that its chin lies within the usual reach.
    Raises :class:`PointsError` if the eyes are in one place.
    """
    left, right = points[K.LID_LEFT], points[K.LID_RIGHT]
    across = right - left
    distance = float(np.hypot(*across))
    if distance < 12.0 or across[0] <= 0:
        raise PointsError("The two eyes are too close together or swapped.")
    below = np.array([-across[1], across[0]]) / distance
    gap = float((points[K.LOWER_INNER] - points[K.UPPER_INNER]) @ below)
    length = float((points[K.JAW] - points[K.NOSE]) @ below) - max(gap, 0.0)
    unit = max(distance / EYE_DISTANCE, length / LONGEST)
    x = across / distance * unit
    turn = np.array([x, (-x[1], x[0])], np.float32)
    middle = (left + right) / 2
    nose = float((points[K.NOSE] - middle) @ below)
    origin = middle + below * (nose - NOSE_BELOW_ORIGIN * unit)
    return Placement(turn, origin.astype(np.float32))


def within(points: FloatArray, width: int, height: int) -> FloatArray:
    """``points [..., 2]`` moved into a picture of that size."""
    inside: FloatArray = np.clip(points, 0, np.array((width, height), np.float32) - 1)
    return inside.astype(np.float32)


def check_points(points: FloatArray, width: int, height: int) -> None:
    """Raise :class:`PointsError` unless ``points [21, 2]`` can be a face in a picture."""
    if points.shape != (KEYPOINTS, 2) or not np.isfinite(points).all():
        raise PointsError(f"{KEYPOINTS} keypoints of x and y are needed.")
    if (points < 0).any() or (points > (width, height)).any():
        raise PointsError("Some keypoints lie outside of the picture.")
    face = placement(points).places(points)
    for upper, lower, words in (
        (K.FOREHEAD, K.NOSE, "The forehead must lie above the nose."),
        (K.NOSE, K.UPPER_OUTER, "The nose must lie above the mouth."),
        (K.UPPER_OUTER, K.UPPER_INNER, "The upper lip's outer edge must lie above its inner edge."),
        (K.LOWER_INNER, K.LOWER_OUTER, "The lower lip's inner edge must lie above its outer edge."),
        (K.LOWER_OUTER, K.JAW, "The chin must lie below the mouth."),
    ):
        if face[upper, 1] >= face[lower, 1]:
            raise PointsError(words)
    for left, right, words in (
        (K.MOUTH_LEFT, K.UPPER_LEFT, "The corners of the mouth are too close or swapped."),
        (K.UPPER_LEFT, K.UPPER_INNER, "The left of the upper lip must lie left of its middle."),
        (K.UPPER_INNER, K.UPPER_RIGHT, "The right of the upper lip must lie right of its middle."),
        (K.UPPER_RIGHT, K.MOUTH_RIGHT, "The corners of the mouth are too close or swapped."),
        (K.BROW_OUTER_LEFT, K.BROW_INNER_LEFT, "The ends of the left brow are swapped."),
        (K.BROW_INNER_RIGHT, K.BROW_OUTER_RIGHT, "The ends of the right brow are swapped."),
    ):
        if face[left, 0] + 0.015 >= face[right, 0]:
            raise PointsError(words)
    if abs(face[K.JAW, 0]) > 0.1:
        raise PointsError("The chin must lie below the middle between the eyes.")
    reach = np.abs(face).max(0)
    gap = max(float(face[K.LOWER_INNER, 1] - face[K.UPPER_INNER, 1]), 0.0)
    if reach[0] > 0.40 or reach[1] > 0.62 or face[K.JAW, 1] - gap > 0.39:
        raise PointsError("The keypoints are too far apart for the distance of the eyes.")
