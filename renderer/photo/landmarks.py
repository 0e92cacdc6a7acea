"""Keypoints by the published face landmark networks, for users who bring their files."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.liveportrait.landmarks import FaceBox, FaceLandmarks
from renderer.photo.cutout import CHIN
from renderer.photo.detector import Face
from renderer.photo.points import placement, usual_face, within

K = Keypoint

_LEFT_EYE: Final = [33, 35, 39, 40]
_RIGHT_EYE: Final = [87, 89, 93, 94]
_LEFT_BROW: Final = slice(43, 52)
_RIGHT_BROW: Final = slice(97, 106)
_MOUTH: Final = slice(52, 72)
_NOSE: Final = 86
_CHIN: Final = 0
"""Where in the 106 landmarks parts of the face are."""
_RIVAL: Final = 0.3
"""Share of the largest face's area from which another one counts."""


class Landmarks(Protocol):
    """The part of :class:`~renderer.liveportrait.landmarks.FaceLandmarks` that is used."""

    def boxes(self, picture: ImageArray) -> list[FaceBox]: ...

    def points(self, picture: ImageArray, box: FaceBox) -> npt.NDArray[np.floating]: ...


class LandmarkDetector:
    """Implements :class:`~renderer.photo.detector.FaceDetector` with 106 landmarks a face."""

    def __init__(self, landmarks: Landmarks) -> None:
        self._landmarks = landmarks

    def detect(self, picture: ImageArray) -> list[Face]:
        rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
        boxes = self._landmarks.boxes(rgb)
        largest = max((box.area for box in boxes), default=0.0)
        return [
            Face(_keypoints(self._landmarks.points(rgb, box), picture), box.score)
            for box in boxes
            if box.area >= _RIVAL * largest
        ]


def open_landmarks(folder: Path) -> LandmarkDetector:
    """A detector with the files below ``folder``; raises ``CheckpointError``."""
    # Faces in pictures for avatars are large and sharp.
    return LandmarkDetector(FaceLandmarks(folder, threshold=0.5))


def _keypoints(landmarks: npt.NDArray[np.floating], picture: ImageArray) -> FloatArray:
    """Keypoints [21, 2] from ``landmarks [106, 2]``, both in pixels."""
    found = landmarks.astype(np.float32)
    points = np.zeros((len(Keypoint), 2), np.float32)
    points[K.LID_LEFT], points[K.LID_RIGHT] = (
        found[eye].mean(0) for eye in (_LEFT_EYE, _RIGHT_EYE)
    )
    points[K.NOSE] = found[_NOSE]
    placed = placement(points)
    places = placed.places(found)
    face = usual_face()
    for lid, eye in ((K.LID_LEFT, _LEFT_EYE), (K.LID_RIGHT, _RIGHT_EYE)):
        face[lid] = places[eye, 0].mean(), places[eye, 1].min()
    face[K.GAZE] = places[_LEFT_EYE + _RIGHT_EYE].mean(0)
    face[K.NOSE] = places[_NOSE]
    face[K.JAW] = places[_CHIN] - (0.0, CHIN)
    for outer, inner, brow in (
        (K.BROW_OUTER_LEFT, K.BROW_INNER_LEFT, places[_LEFT_BROW]),
        (K.BROW_OUTER_RIGHT, K.BROW_INNER_RIGHT, places[_RIGHT_BROW]),
    ):
        order = np.argsort(np.abs(brow[:, 0]))
        face[inner], face[outer] = brow[order[:2]].mean(0), brow[order[-2:]].mean(0)
    _place_mouth(face, places[_MOUTH])
    return within(placed.pixels(face), picture.shape[1], picture.shape[0])


def _place_mouth(face: FloatArray, mouth: FloatArray) -> None:
    """Put the keypoints of the mouth where its landmarks ``mouth [20, 2]`` are."""
    left, right = mouth[np.argmin(mouth[:, 0])], mouth[np.argmax(mouth[:, 0])]
    face[K.MOUTH_LEFT], face[K.MOUTH_RIGHT] = left, right
    # In the middle there are four: the outer and inner edges of both lips.
    middle = np.argsort(np.abs(mouth[:, 0] - (left[0] + right[0]) / 2))[:4]
    edges = mouth[middle[np.argsort(mouth[middle, 1])]]
    face[[K.UPPER_OUTER, K.UPPER_INNER, K.LOWER_INNER, K.LOWER_OUTER]] = edges
    for side, corner in ((K.UPPER_LEFT, left), (K.UPPER_RIGHT, right)):
        face[side] = 0.5 * (corner + edges[1])
    face[K.TONGUE] = edges[2] + (0.0, 0.008)
