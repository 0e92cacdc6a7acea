"""Keypoints from MediaPipe's 478 landmarks; without that library but for the last tests."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avatar_server.making import face_detector
from avatar_server.settings import Settings
from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.decoder import EmbeddedRenderer
from renderer.library import open_avatar
from renderer.photo.cascade import CascadeDetector
from renderer.photo.detector import NoSingleFaceError, single_face
from renderer.photo.face_mesh import FaceMeshDetector, installed, keypoints_of
from renderer.photo.points import Placement, check_points, usual_face
from renderer.shapes import mouth_motion

K = Keypoint

needs_mediapipe = pytest.mark.skipif(
    not installed(), reason="mediapipe is not installed (the extra `landmarks`)"
)


def landmarks_of(face: FloatArray) -> FloatArray:
    """478 points, in the order of the mesh, of a face with keypoints ``face [21, 2]``."""
    points = np.zeros((478, 2), np.float32)
    for outer, inner, middle, lid, side in (
        (33, 133, 159, K.LID_LEFT, -1.0),
        (263, 362, 386, K.LID_RIGHT, 1.0),
    ):
        x, top = face[lid]
        points[outer], points[inner] = (
            (x + side * 0.075, top + 0.02),
            (x - side * 0.075, top + 0.03),
        )
        points[middle] = face[lid]
    points[[468, 473]] = face[K.GAZE] + np.array([(-0.165, 0), (0.165, 0)], np.float32)
    for landmark, key in (
        (61, K.MOUTH_LEFT), (291, K.MOUTH_RIGHT), (0, K.UPPER_OUTER), (17, K.LOWER_OUTER),
        (13, K.UPPER_INNER), (14, K.LOWER_INNER), (1, K.NOSE),
    ):  # fmt: skip
        points[landmark] = face[key]
    for one, other, key in (
        (80, 81, K.UPPER_LEFT), (310, 311, K.UPPER_RIGHT), (107, 55, K.BROW_INNER_LEFT),
        (70, 46, K.BROW_OUTER_LEFT), (336, 285, K.BROW_INNER_RIGHT),
        (300, 276, K.BROW_OUTER_RIGHT), (50, 205, K.CHEEK_LEFT), (280, 425, K.CHEEK_RIGHT),
        (10, 151, K.FOREHEAD),
    ):  # fmt: skip
        points[one], points[other] = face[key] - 0.01, face[key] + 0.01
    points[152] = face[K.JAW] + (0.0, 0.055)
    return points


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_keypoints_lie_where_the_landmarks_say(gap: float) -> None:
    face = usual_face()
    face[[K.LOWER_INNER, K.LOWER_OUTER, K.JAW], 1] += gap
    face[K.TONGUE] = face[K.LOWER_INNER] + (0.0, 0.008)
    angle = np.deg2rad(9.0)
    turn = 300 * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    placed = Placement(turn.astype(np.float32), np.array((300, 260), np.float32))
    found = keypoints_of(placed.pixels(landmarks_of(face)), 800, 520)
    check_points(found, 800, 520)
    error = np.linalg.norm(found - placed.pixels(face), axis=1) / 300
    for key in Keypoint:
        assert error[key] < 0.005, key.name


def test_the_library_is_taken_where_it_is_installed() -> None:
    expected = FaceMeshDetector if installed() else CascadeDetector
    assert isinstance(face_detector(Settings()), expected)


@needs_mediapipe
@pytest.mark.parametrize("name", ["kofi", "ruth"])
def test_a_face_is_found(name: str) -> None:
    avatar = open_avatar(name, 512)
    frame = EmbeddedRenderer().render_rgb(avatar, mouth_motion("rest"))[0][..., ::-1].copy()
    face = single_face(FaceMeshDetector(), frame)
    check_points(face.points, 512, 512)
    error = face.points - avatar.frame.index(avatar.canonical[:, :2])
    assert np.linalg.norm(error, axis=1).mean() < 0.03 * avatar.frame.gain


@needs_mediapipe
def test_no_face_and_two_faces() -> None:
    flat = np.full((300, 400, 3), 128, np.uint8)
    with pytest.raises(NoSingleFaceError, match="No face"):
        single_face(FaceMeshDetector(), flat)
    frames = [
        EmbeddedRenderer().render_rgb(open_avatar(name, 512), mouth_motion("rest"))[0]
        for name in ("kofi", "ruth")
    ]
    two = cv2.cvtColor(np.concatenate(frames, 1), cv2.COLOR_RGB2BGR)
    with pytest.raises(NoSingleFaceError, match="2 faces"):
        single_face(FaceMeshDetector(), np.asarray(two, np.uint8))
