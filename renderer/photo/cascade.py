"""Face detection by the classifier cascades that come with OpenCV (Viola and Jones 2001)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Final

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.layer import Rect
from renderer.photo.detector import Face
from renderer.photo.features import keypoints_of
from renderer.photo.points import within

WORKING: Final = 480
"""Shorter side in pixels of the picture in which faces are looked for."""
SMALLEST: Final = 60
"""Side in pixels of the smallest face that is found there."""
ROLLS: Final = (0.0, -25.0, 25.0)
"""Degrees by which the picture is rotated, in turn, until a face is found."""
RIVAL: Final = 0.5
"""Least width of a second face that counts, as a share of the largest one's."""
_NEIGHBOURS: Final = 4
"""Neighbouring detections that a face needs."""
_CONFIDENCE: Final = 0.6

_EYES: Final = ((0.32, 0.38), (0.68, 0.38))
"""Where eyes lie in a face's box, in units of its width."""
_EYE_REACH: Final = 0.13
"""How far from there eyes may be found."""
_EYE_ABOVE: Final = 0.015
"""How far a pupil lies above the middle of an eye's box, in widths of the face's."""


class CascadeDetector:
    """Implements :class:`~renderer.photo.detector.FaceDetector` without a landmark network.

    Finds upright faces seen from the front; eyes and an open mouth are found in them, all else is
    put where faces usually have it. Good for a first guess, to be confirmed by eye.
    """

    def detect(self, picture: ImageArray) -> list[Face]:
        share = WORKING / min(picture.shape[:2])
        small = np.asarray(
            cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8
        )
        for roll in ROLLS:
            turned = _Turned.by(small, roll)
            boxes = _faces(turned.grey)
            if boxes:
                break
        faces = []
        for box in boxes:
            left, right = (turned.original(eye) / share for eye in _eyes(turned.grey, box))
            points = keypoints_of(picture, left, right)
            height, width = picture.shape[:2]
            faces.append(Face(within(points, width, height), _CONFIDENCE, guessed=True))
        return faces


@dataclass(frozen=True, slots=True)
class _Turned:
    """A picture turned about its middle."""

    grey: ImageArray
    matrix: FloatArray
    """[2, 3], from the picture to the turned one."""

    @classmethod
    def by(cls, picture: ImageArray, degrees: float) -> _Turned:
        height, width = picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0).astype(np.float32)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        if degrees:
            grey = cv2.warpAffine(grey, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return cls(np.asarray(grey, np.uint8), matrix)

    def original(self, place: FloatArray) -> FloatArray:
        """Where ``place [2]`` was before the picture was turned."""
        turn, shift = self.matrix[:, :2], self.matrix[:, 2]
        found: FloatArray = np.linalg.inv(turn) @ (place - shift)
        return found


def _faces(grey: ImageArray) -> list[Rect]:
    """Faces, the largest first, without small ones in the background."""
    boxes = _found("haarcascade_frontalface_alt2.xml", grey, SMALLEST)
    boxes.sort(key=lambda box: -box.width)
    return [box for box in boxes if box.width > RIVAL * boxes[0].width]


def _eyes(grey: ImageArray, face: Rect) -> Iterator[FloatArray]:
    """Middles [2] of the left and the right eye in pixels."""
    side = face.width
    upper = Rect(face.x, face.y + int(0.15 * side), side, int(0.62 * side) - int(0.15 * side))
    boxes = _found("haarcascade_eye_tree_eyeglasses.xml", upper.cut(grey), side // 8)
    corner = np.array((upper.x, upper.y - _EYE_ABOVE * side), np.float32)
    found = [
        corner + np.array((box.x + box.width / 2, box.y + box.height / 2), np.float32)
        for box in boxes
    ]
    for x, y in _EYES:
        usual = np.array((face.x + x * side, face.y + y * side), np.float32)
        near = min(found, key=lambda eye: float(np.hypot(*(eye - usual))), default=usual)
        yield near if np.hypot(*(near - usual)) < _EYE_REACH * side else usual


def _found(cascade: str, grey: ImageArray, smallest: int) -> list[Rect]:
    boxes = _cascade(cascade).detectMultiScale(
        grey, scaleFactor=1.05, minNeighbors=_NEIGHBOURS, minSize=(smallest, smallest)
    )
    return [Rect(*map(int, box)) for box in boxes]


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    with as_file(files("cv2.data") / name) as path:
        return cv2.CascadeClassifier(str(path))
