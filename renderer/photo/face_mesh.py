"""Keypoints by MediaPipe's face mesh, where that library is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.cutout import CHIN
from renderer.photo.detector import Face
from renderer.photo.points import placement, within

K = Keypoint

_MODEL: Final = "modules/face_landmark/face_landmark_with_attention.tflite"
MOST_FACES: Final = 4
SURE: Final = 0.4
"""Score of MediaPipe's detector from which a face counts."""
CONFIDENCE: Final = 0.9
"""Score of a face, as the library gives none with its landmarks."""
RIVAL: Final = 0.5
"""Share of the largest face's height from which another one counts."""

_EYES: Final = {K.LID_LEFT: (33, 133), K.LID_RIGHT: (263, 362)}
"""Corners of the eyes."""
_LIDS: Final = {K.LID_LEFT: 159, K.LID_RIGHT: 386}
_IRISES: Final = (468, 473)
_CHIN: Final = 152
_SAME: Final = {
    K.MOUTH_LEFT: 61, K.MOUTH_RIGHT: 291, K.UPPER_OUTER: 0, K.LOWER_OUTER: 17, K.UPPER_INNER: 13,
    K.LOWER_INNER: 14, K.NOSE: 1,
}  # fmt: skip
"""Landmarks at the places of keypoints."""
_BETWEEN: Final = {
    K.UPPER_LEFT: (80, 81), K.UPPER_RIGHT: (310, 311),
    K.BROW_INNER_LEFT: (107, 55), K.BROW_OUTER_LEFT: (70, 46),
    K.BROW_INNER_RIGHT: (336, 285), K.BROW_OUTER_RIGHT: (300, 276),
    K.CHEEK_LEFT: (50, 205), K.CHEEK_RIGHT: (280, 425), K.FOREHEAD: (10, 151),
}  # fmt: skip
"""Landmarks halfway between which keypoints lie."""


def installed() -> bool:
    """Whether MediaPipe is there, in a version that holds the models; imports nothing."""
    spec = find_spec("mediapipe")
    places = spec.submodule_search_locations if spec is not None else None
    return any(Path(place, _MODEL).is_file() for place in places or ())


class FaceMeshDetector:
    """Implements :class:`~renderer.photo.detector.FaceDetector` with 478 landmarks a face."""

    def detect(self, picture: ImageArray) -> list[Face]:
        # Half a second to import, and only those who bring pictures need it.
        from mediapipe.python.solutions.face_mesh import FaceMesh

        height, width = picture.shape[:2]
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        with FaceMesh(
            static_image_mode=True,
            max_num_faces=MOST_FACES,
            refine_landmarks=True,
            min_detection_confidence=SURE,
        ) as mesh:
            found = mesh.process(rgb).multi_face_landmarks or []
        faces = [
            np.array([(p.x * width, p.y * height) for p in face.landmark], np.float32)
            for face in found
        ]
        faces.sort(key=lambda face: -float(np.ptp(face[:, 1])))
        return [
            Face(keypoints_of(face, width, height), CONFIDENCE)
            for face in faces
            if np.ptp(face[:, 1]) > RIVAL * np.ptp(faces[0][:, 1])
        ]


def keypoints_of(landmarks: npt.NDArray[np.floating], width: int, height: int) -> FloatArray:
    """Keypoints [21, 2] from ``landmarks [478, 2]``, both in pixels of a picture of that size."""
    found = landmarks.astype(np.float32)
    points = np.zeros((len(Keypoint), 2), np.float32)
    for lid, corners in _EYES.items():
        points[lid] = found[list(corners)].mean(0)
    for key, one in _SAME.items():
        points[key] = found[one]
    points[K.JAW] = found[_CHIN]
    placed = placement(points)
    places = placed.places(found)
    face = np.zeros((len(Keypoint), 2), np.float32)
    for lid, corners in _EYES.items():
        face[lid] = places[list(corners), 0].mean(), places[_LIDS[lid], 1]
    face[K.GAZE] = places[list(_IRISES)].mean(0)
    for key, one in _SAME.items():
        face[key] = places[one]
    for key, two in _BETWEEN.items():
        face[key] = places[list(two)].mean(0)
    face[K.TONGUE] = face[K.LOWER_INNER] + (0.0, 0.008)
    face[K.JAW] = places[_CHIN] - (0.0, CHIN)
    return within(placed.pixels(face), width, height)
