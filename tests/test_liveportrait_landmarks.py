"""Face landmarks, with ONNX files that answer as the published ones would for a known face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.weights import CheckpointError
from renderer.liveportrait.landmarks import FaceLandmarks, NoFaceError

onnx = pytest.importorskip("onnx", reason="builds ONNX files")

# A picture of 1024 x 512 is halved for the detector. Two faces on the level of stride 16:
# anchor cells (x, y) with the distances of their edges in strides.
FACES = (((8, 4), (2.0, 2.0, 2.0, 2.0)), ((20, 10), (4.0, 5.0, 4.0, 3.0)))
UNSURE = ((21, 10), (5.0, 5.0, 4.0, 4.0))
"""Another, larger box of the second face, of a lower score."""


def constant_model(path: Path, outputs: list[np.ndarray], size: int) -> None:
    """An ONNX file that gives ``outputs`` for every picture."""
    tensor = onnx.TensorProto.FLOAT
    names = [f"out{i}" for i in range(len(outputs))]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(value))
            for name, value in zip(names, outputs, strict=True)
        ],
        "constant",
        [onnx.helper.make_tensor_value_info("input", tensor, [1, 3, size, size])],
        [
            onnx.helper.make_tensor_value_info(name, tensor, value.shape)
            for name, value in zip(names, outputs, strict=True)
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


def detector_outputs(
    faces: tuple[tuple[tuple[int, int], tuple[float, ...]], ...],
) -> list[np.ndarray]:
    scores, boxes = [], []
    for stride in (8, 16, 32):
        cells = 512 // stride
        score = np.zeros((cells * cells * 2, 1), np.float32)
        box = np.zeros((cells * cells * 2, 4), np.float32)
        if stride == 16:
            for (x, y), distances in faces:
                score[2 * (y * cells + x)] = 0.9
                box[2 * (y * cells + x)] = distances
            (x, y), distances = UNSURE
            score[2 * (y * cells + x) + 1] = 0.5 if faces else 0.1
            box[2 * (y * cells + x) + 1] = distances
        scores.append(score)
        boxes.append(box)
    return [*scores, *boxes, *(np.zeros((len(s), 10), np.float32) for s in scores)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "insightface").mkdir()
    points = np.linspace(-0.5, 0.5, 212, dtype=np.float32)[None]
    constant_model(tmp_path / "insightface" / "2d106det.onnx", [points], 192)
    constant_model(tmp_path / "insightface" / "det_10g.onnx", detector_outputs(FACES), 512)
    return tmp_path


PICTURE = np.zeros((512, 1024, 3), np.uint8)


def test_points_of_the_largest_face_in_pixels_of_the_picture(folder: Path) -> None:
    landmarks = FaceLandmarks(folder)
    small, large = landmarks.boxes(PICTURE)
    assert (small.left, small.top, small.right, small.bottom) == (192, 64, 320, 192)
    assert (large.left, large.top, large.right, large.bottom) == (512, 160, 768, 416)
    assert large.score == pytest.approx(0.9)

    points = landmarks(PICTURE)
    assert points.shape == (106, 2)
    # The network's -0.5 and 0.5 lie a quarter of the crop, 1.5 times the face, off its middle.
    np.testing.assert_allclose(points[0], (640 - 96, 288 - 96), atol=1.0)
    np.testing.assert_allclose(points[-1], (640 + 96, 288 + 96), atol=1.0)


def test_no_face_is_said(folder: Path) -> None:
    constant_model(folder / "insightface" / "det_10g.onnx", detector_outputs(()), 512)
    with pytest.raises(NoFaceError, match="no face was found"):
        FaceLandmarks(folder)(PICTURE)


def test_other_files_are_refused(folder: Path) -> None:
    detector = folder / "insightface" / "det_10g.onnx"
    constant_model(detector, [np.zeros((1, 1), np.float32)], 512)
    with pytest.raises(CheckpointError, match="1 outputs instead of 9"):
        FaceLandmarks(folder)
    detector.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="not an ONNX file"):
        FaceLandmarks(folder)
    detector.unlink()
    with pytest.raises(CheckpointError, match=r"no file det_10g\.onnx"):
        FaceLandmarks(folder)
