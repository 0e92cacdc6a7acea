"""Displacement fields of the three layers, linear in a few numbers of the frame.

Each field is a matrix over grid nodes, made once, times coefficients that follow from the
:class:`~renderer.pose.Pose`. Displacements are those that :func:`renderer.warp.invert` needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer import elastic
from renderer.pose import Pose
from renderer.rig import WARPING
from renderer.warp import Chart

TYPICAL_DEPTH = 0.24
"""Depth of the middle of a face in canonical units."""
_IDENTITY = np.eye(2, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class FaceField:
    """The face: elastic displacement on three sheets, and relief."""

    chart: Chart
    shape: tuple[int, int]
    basis: FloatArray
    """[3, rows cols, 2 len(WARPING) + 2]: weights of x, weights of y, purse, depth.

    A product for each sheet stays below the size at which BLAS wakes a pool of threads, which
    costs more than it gives.
    """

    def coefficients(self, pose: Pose) -> FloatArray:
        """[2 len(WARPING) + 2, 2]: what the basis is multiplied by, in canonical units."""
        offsets = pose.scale * pose.offsets[list(WARPING), :2]
        protrusion = pose.scale * max(float(pose.offsets[Keypoint.LOWER_INNER, 2]), 0.0)
        return np.concatenate(
            [
                offsets[:, :1] * pose.inverse[0],
                offsets[:, 1:] * pose.inverse[1],
                (np.float32(protrusion) * pose.inverse[1])[None],
                (pose.parallax @ pose.inverse)[None],
            ]
        )

    def guess(self, pose: Pose) -> FloatArray:
        """Displacement [2] of most of the face, in grid indices."""
        return np.float32(TYPICAL_DEPTH * self.chart.gain) * (pose.parallax @ pose.inverse)

    def displacement(self, pose: Pose) -> FloatArray:
        """[3, rows, cols, 2] in grid indices, after the linear motion of the head is undone."""
        coefficients = self.coefficients(pose) * np.float32(self.chart.gain)
        return (self.basis @ coefficients).reshape(3, *self.shape, 2)


@dataclass(frozen=True, slots=True)
class HairField:
    """Hair before the face: follows the head in its own depth, its ends a little less."""

    chart: Chart
    shape: tuple[int, int]
    basis: FloatArray
    """[rows cols, 4]: what is not followed of x, y and 1; depth."""

    def displacement(self, pose: Pose) -> FloatArray:
        """[rows, cols, 2] in grid indices, after the linear motion of the head is undone."""
        coefficients = np.stack(
            [
                *((_IDENTITY - pose.linear) @ pose.inverse),
                -pose.shift @ pose.inverse,
                pose.parallax @ pose.inverse,
            ]
        ) * np.float32(self.chart.gain)
        return (self.basis @ coefficients).reshape(*self.shape, 2)


@dataclass(frozen=True, slots=True)
class PlateField:
    """Everything behind the head: the neck bends, shoulders take half of the translation."""

    chart: Chart
    shape: tuple[int, int]
    basis: FloatArray
    """[rows cols, 5]: what is followed of x, y, depth and 1; share of the body."""

    def displacement(self, pose: Pose) -> FloatArray:
        """[rows, cols, 2] in grid indices."""
        coefficients = np.stack(
            [*(pose.linear - _IDENTITY), pose.parallax, pose.shift, pose.shift]
        ) * np.float32(self.chart.gain)
        return (self.basis @ coefficients).reshape(*self.shape, 2)


def face_field(field: elastic.ElasticField, depth: FloatArray) -> FaceField:
    """Field of the face from elastic weights and the ``depth [3, rows, cols]`` of the nodes."""
    weights = [w.reshape(3, -1, len(WARPING)) for w in (field.weights_x, field.weights_y)]
    columns = [values.reshape(3, -1, 1) for values in (field.purse, depth)]
    basis = np.ascontiguousarray(np.concatenate([*weights, *columns], 2), np.float32)
    return FaceField(elastic.CHART, field.shape, basis)


def hair_field(chart: Chart, depth: FloatArray, head: FloatArray) -> HairField:
    x, y = _positions(chart, depth.shape)
    rest = 1 - head
    basis = np.stack([rest * x, rest * y, rest, head * depth], -1).reshape(-1, 4)
    return HairField(chart, (len(depth), depth.shape[1]), np.ascontiguousarray(basis, np.float32))


def plate_field(chart: Chart, depth: FloatArray, head: FloatArray, body: FloatArray) -> PlateField:
    x, y = _positions(chart, depth.shape)
    shares = [head * x, head * y, head * depth, head, (1 - head) * body]
    basis = np.stack(shares, -1).reshape(-1, 5)
    return PlateField(chart, (len(depth), depth.shape[1]), np.ascontiguousarray(basis, np.float32))


def _positions(chart: Chart, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    columns = np.arange(shape[1], dtype=np.float32)
    rows = np.arange(shape[0], dtype=np.float32)
    x, y = np.meshgrid((columns - chart.x) / chart.gain, (rows - chart.y) / chart.gain)
    return x.astype(np.float32), y.astype(np.float32)
