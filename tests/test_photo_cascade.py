"""Faces found without a landmark network: in drawn avatars, whose keypoints are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from motion.keypoints import Keypoint
from motion.layout import FloatArray, expression
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer
from renderer.library import open_avatar
from renderer.photo.cascade import CascadeDetector
from renderer.photo.detector import NoSingleFaceError, single_face
from renderer.photo.points import check_points
from renderer.shapes import mouth_motion

K = Keypoint
_SEEN = [
    K.LID_LEFT, K.LID_RIGHT, K.MOUTH_LEFT, K.MOUTH_RIGHT, K.UPPER_INNER, K.LOWER_INNER,
]  # fmt: skip


def pictured(name: str, mouth: str = "rest") -> tuple[ImageArray, FloatArray]:
    """A BGR picture of a built-in avatar with that mouth, and its keypoints in pixels."""
    avatar, motion = open_avatar(name, 512), mouth_motion(mouth)
    frame = EmbeddedRenderer().render_rgb(avatar, motion)[0]
    moved = avatar.canonical + expression(motion)[0]
    return frame[..., ::-1].copy(), avatar.frame.index(moved[:, :2])


def unit(name: str) -> float:
    return open_avatar(name, 512).frame.gain


@pytest.mark.parametrize("name", ["mira", "ruth", "finn"])
@pytest.mark.parametrize("roll", [0.0, 9.0, -32.0])
def test_eyes_and_mouth_are_found(name: str, roll: float) -> None:
    picture, points = pictured(name)
    turn = cv2.getRotationMatrix2D((256, 256), roll, 0.8)
    turn[:, 2] += 50, 40
    placed = cv2.warpAffine(picture, turn, (620, 600), borderMode=cv2.BORDER_REPLICATE)
    expected = np.concatenate([points, np.ones((21, 1))], 1) @ turn.T
    face = single_face(CascadeDetector(), np.asarray(placed, np.uint8))
    error = np.linalg.norm(face.points - expected, axis=1) / (0.8 * unit(name))
    assert face.guessed
    assert error[_SEEN].max() < 0.04
    assert error.max() < 0.09
    check_points(face.points, 620, 600)


@pytest.mark.parametrize(("mouth", "least", "most"), [("ah", 0.6, 1.4), ("rest", 0.0, 0.0)])
def test_how_far_the_mouth_is_open(mouth: str, least: float, most: float) -> None:
    picture, points = pictured("mira", mouth)
    found = single_face(CascadeDetector(), picture).points
    opened, truth = (p[K.LOWER_INNER, 1] - p[K.UPPER_INNER, 1] for p in (found, points))
    assert least * truth <= opened <= most * truth + 1.0


def test_a_dark_beard_is_no_open_mouth() -> None:
    picture, _ = pictured("kofi")
    found = single_face(CascadeDetector(), picture).points
    assert found[K.LOWER_INNER, 1] - found[K.UPPER_INNER, 1] < 0.02 * unit("kofi")


def test_no_face_and_two_faces() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    for empty in (np.full((300, 400, 3), 128, np.uint8), noise):
        with pytest.raises(NoSingleFaceError, match="No face"):
            single_face(CascadeDetector(), empty)
    two = np.concatenate([pictured("mira")[0], pictured("ruth")[0]], 1)
    with pytest.raises(NoSingleFaceError, match="2 faces"):
        single_face(CascadeDetector(), two)
    apart = cv2.resize(pictured("ruth")[0], (150, 150), interpolation=cv2.INTER_AREA)
    behind = pictured("mira")[0].copy()
    behind[:150, :150] = apart
    assert len(CascadeDetector().detect(behind)) == 1
