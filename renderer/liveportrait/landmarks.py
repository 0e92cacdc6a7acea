"""Faces in pictures, found by the two networks of insightface that MoDA's folder holds.

The detector (SCRFD, arXiv 2105.04714) gives boxes, the landmark network 106 points of a face.
Both are ONNX files that the user brings; their licence is non-commercial.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from inference.weights import CheckpointError, find_file
from renderer.contract import ImageArray
from renderer.liveportrait.crop import Points

DETECTOR_FILE: Final = "det_10g.onnx"
LANDMARK_FILE: Final = "2d106det.onnx"

_DETECTOR_SIZE: Final = 512
_STRIDES: Final = (8, 16, 32)
_ANCHORS: Final = 2
_MAX_OVERLAP: Final = 0.4
_LANDMARK_SIZE: Final = 192
_LANDMARK_MARGIN: Final = 1.5

FloatArray = npt.NDArray[np.float32]


class NoFaceError(ValueError):
    """There is no face in a picture."""


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Corners in pixels and confidence 0..1 of one face."""

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def area(self) -> float:
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def overlap(self, other: FaceBox) -> float:
        """Intersection over union, 0..1."""
        both = FaceBox(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
            score=0.0,
        ).area
        return both / max(self.area + other.area - both, 1e-9)


class FaceLandmarks:
    """106 points of the largest face of a picture."""

    def __init__(self, folder: Path, *, threshold: float = 0.15) -> None:
        """Open the two files anywhere below ``folder``. Raises CheckpointError."""
        self._threshold = threshold
        self._detector = _open(find_file(folder, DETECTOR_FILE), outputs=3 * len(_STRIDES))
        self._landmarks = _open(find_file(folder, LANDMARK_FILE), outputs=1)

    def __call__(self, picture: ImageArray) -> Points:
        """Points [106, 2] in pixels of RGB ``picture [H, W, 3]``. Raises NoFaceError."""
        boxes = self.boxes(picture)
        if not boxes:
            raise NoFaceError(
                "no face was found in the picture; use one that shows a face from the front"
            )
        return self.points(picture, max(boxes, key=lambda box: box.area))

    def boxes(self, picture: ImageArray) -> list[FaceBox]:
        """One box for each face that scores above the threshold, the surest first."""
        height, width = picture.shape[:2]
        scale = _DETECTOR_SIZE / max(height, width)
        small = cv2.resize(picture, (round(width * scale), round(height * scale)))
        canvas = np.zeros((_DETECTOR_SIZE, _DETECTOR_SIZE, 3), np.float32)
        canvas[: small.shape[0], : small.shape[1]] = small
        outputs = _run(self._detector, (canvas - 127.5) / 128.0)
        levels = len(_STRIDES)
        boxes: list[FaceBox] = []
        for level, stride in enumerate(_STRIDES):
            scores = outputs[level].reshape(-1)
            distances = outputs[level + levels].reshape(-1, 4) * stride
            centres = _anchor_centres(stride)
            for i in np.flatnonzero(scores >= self._threshold):
                corners = np.r_[centres[i] - distances[i, :2], centres[i] + distances[i, 2:]]
                left, top, right, bottom = (corners / scale).tolist()
                boxes.append(FaceBox(left, top, right, bottom, float(scores[i])))
        return _distinct(boxes)

    def points(self, picture: ImageArray, box: FaceBox) -> Points:
        """Points [106, 2] in pixels of the face in ``box`` of RGB ``picture [H, W, 3]``."""
        side = _LANDMARK_MARGIN * max(box.right - box.left, box.bottom - box.top)
        scale = _LANDMARK_SIZE / side
        centre = np.array([(box.left + box.right) / 2, (box.top + box.bottom) / 2])
        offset = _LANDMARK_SIZE / 2 - scale * centre
        to_crop = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
        crop = cv2.warpAffine(picture, to_crop, (_LANDMARK_SIZE, _LANDMARK_SIZE))
        (flat,) = _run(self._landmarks, np.asarray(crop, np.float32))
        points = (flat.reshape(-1, 2) + 1.0) * (_LANDMARK_SIZE / 2)
        found: Points = (points - offset) / scale
        return found


def _distinct(boxes: list[FaceBox]) -> list[FaceBox]:
    """Of boxes that overlap only the surest (non-maximum suppression)."""
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda box: box.score, reverse=True):
        if all(box.overlap(other) <= _MAX_OVERLAP for other in kept):
            kept.append(box)
    return kept


def _anchor_centres(stride: int) -> FloatArray:
    """Pixels (x, y) of a level's anchors, row by row, each place twice."""
    cells = _DETECTOR_SIZE // stride
    y, x = np.mgrid[:cells, :cells]
    centres = np.stack([x, y], axis=-1).reshape(-1, 2) * stride
    return np.repeat(centres, _ANCHORS, axis=0).astype(np.float32)


def _open(path: Path, outputs: int) -> Any:
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no public base class
        raise CheckpointError(path, ["is not an ONNX file that can be run"]) from error
    if len(session.get_outputs()) < outputs:
        count = len(session.get_outputs())
        raise CheckpointError(path, [f"has {count} outputs instead of {outputs}"])
    return session


def _run(session: Any, picture: FloatArray) -> list[FloatArray]:
    """All outputs for ``picture [H, W, 3]``."""
    batch = picture.transpose(2, 0, 1)[None].astype(np.float32)
    outputs: list[FloatArray] = session.run(None, {session.get_inputs()[0].name: batch})
    return outputs
