"""Keypoints from 106 landmarks, with stand-ins for the networks that users bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_server.making import face_detector
from avatar_server.settings import Settings, SettingsError
from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.liveportrait.landmarks import FaceBox
from renderer.photo.detector import NoSingleFaceError, single_face
from renderer.photo.landmarks import LandmarkDetector
from renderer.photo.points import Placement, check_points, usual_face

K = Keypoint


def landmarks_of(face: FloatArray) -> FloatArray:
    """106 points, in the order of the network, of a face with keypoints ``face [21, 2]``."""
    points = np.zeros((106, 2), np.float32)
    points[0] = face[K.JAW] + (0.0, 0.055)
    for corners, lid in (((35, 39, 33, 40), K.LID_LEFT), ((89, 93, 87, 94), K.LID_RIGHT)):
        x, top = face[lid]
        points[list(corners)] = (
            (x - 0.09, top + 0.03),
            (x + 0.09, top + 0.03),
            (x, top + 0.06),
            (
                x,
                top,
            ),
        )
    for first, outer, inner in (
        (43, K.BROW_OUTER_LEFT, K.BROW_INNER_LEFT),
        (97, K.BROW_INNER_RIGHT, K.BROW_OUTER_RIGHT),
    ):
        points[first : first + 9] = np.linspace(face[outer], face[inner], 9)
    points[86] = face[K.NOSE]
    left, right = face[K.MOUTH_LEFT], face[K.MOUTH_RIGHT]
    for place, key in ((71, K.UPPER_OUTER), (62, K.UPPER_INNER), (60, K.LOWER_INNER),
                       (53, K.LOWER_OUTER)):  # fmt: skip
        points[place] = face[key]
    points[52], points[61] = left, right
    beside = [i for i in range(52, 72) if not points[i].any()]
    points[beside] = left + np.linspace((0.02, 0), (0.05, 0), len(beside))
    return points


class Network:
    """Finds the faces it is told of, each as large as its box."""

    def __init__(self, *faces: tuple[FaceBox, FloatArray]) -> None:
        self._faces = dict(faces)

    def boxes(self, picture: ImageArray) -> list[FaceBox]:
        return list(self._faces)

    def points(self, picture: ImageArray, box: FaceBox) -> FloatArray:
        return self._faces[box]


def placed(x: float) -> tuple[FloatArray, FloatArray]:
    """Keypoints and landmarks in pixels of a tilted face with open lips."""
    face = usual_face()
    face[K.LOWER_INNER, 1] += 0.02
    angle = np.deg2rad(9.0)
    turn = 300 * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    at = Placement(turn.astype(np.float32), np.array((x, 260), np.float32))
    return at.pixels(face), at.pixels(landmarks_of(face))


PICTURE = np.zeros((520, 800, 3), np.uint8)
LARGE = FaceBox(200, 100, 400, 400, 0.9)
OTHER = FaceBox(500, 100, 700, 380, 0.8)
SMALL = FaceBox(700, 10, 740, 60, 0.95)


def test_keypoints_lie_where_the_landmarks_say() -> None:
    keypoints, landmarks = placed(300.0)
    detector = LandmarkDetector(Network((SMALL, landmarks), (LARGE, landmarks)))
    found = single_face(detector, PICTURE)
    assert found.confidence == pytest.approx(0.9), "people in the background do not count"
    check_points(found.points, 800, 520)
    error = np.linalg.norm(found.points - keypoints, axis=1) / 300
    for key in Keypoint:
        assert error[key] < 0.025, key.name


def test_two_large_faces_are_two() -> None:
    points = placed(300.0)[1]
    detector = LandmarkDetector(Network((LARGE, points), (OTHER, placed(560.0)[1])))
    with pytest.raises(NoSingleFaceError, match="2 faces"):
        single_face(detector, PICTURE)
    with pytest.raises(NoSingleFaceError, match="No face"):
        single_face(LandmarkDetector(Network()), PICTURE)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"landmarks.*det_10g\.onnx"):
        face_detector(Settings(landmarks=tmp_path))
