"""The interface of face detectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.points import Placement, usual_face


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in a picture."""

    points: FloatArray
    """Keypoints [21, 2] in pixels."""
    confidence: float
    """0 to 1; a score, not a probability."""
    guessed: bool = False
    """Whether most keypoints are at average positions and should be checked by the user."""


class FaceDetector(Protocol):
    """Finds faces and their keypoints."""

    def detect(self, picture: ImageArray) -> list[Face]:
        """Faces in BGR ``picture [h, w, 3]``, the surest first; none if it finds none."""


class NoSingleFaceError(ValueError):
    """A picture has no face or several; the text is one sentence for the user."""


def single_face(detector: FaceDetector, picture: ImageArray) -> Face:
    """The one face in ``picture``; raises :class:`NoSingleFaceError`."""
    faces = detector.detect(picture)
    if not faces:
        raise NoSingleFaceError("No face was found in the picture; place its points in the studio.")
    if len(faces) > 1:
        raise NoSingleFaceError(
            f"{len(faces)} faces were found in the picture; crop it to the one that is to speak."
        )
    return faces[0]


def centred_face(width: int, height: int) -> FloatArray:
    """Keypoints [21, 2] of the usual face in the middle of a picture, to be moved by hand."""
    unit = 0.5 * min(width, height)
    turn = np.eye(2, dtype=np.float32) * np.float32(unit)
    return Placement(turn, np.array((width / 2, height * 0.52), np.float32)).pixels(usual_face())
