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
from renderer.layer import Rect
from renderer.pose import Pose
from renderer.rig import WARPING
from renderer.warp import Chart

TYPICAL_DEPTH = 0.24
"""Depth of the middle of a face in canonical units."""
_IDENTITY = np.eye(2, dtype=np.float32)
_WARPING = np.array(WARPING)


def face_terms(pose: Pose) -> FloatArray:
    """What the basis of a :class:`FaceField` is multiplied by, in canonical units [terms, 2]."""
    offsets = pose.scale * pose.offsets[_WARPING, :2]
    protrusion = pose.scale * max(float(pose.offsets[Keypoint.LOWER_INNER, 2]), 0.0)
    return np.concatenate(
        [
            offsets[:, :1] * pose.inverse[0],
            offsets[:, 1:] * pose.inverse[1],
            (np.float32(protrusion) * pose.inverse[1])[None],
            (pose.parallax @ pose.inverse)[None],
        ]
    )


@dataclass(frozen=True, slots=True)
class FaceField:
    """Elastic displacement and relief of the face on some of its sheets."""

    chart: Chart
    basis: FloatArray
    """[sheets, rows, cols, 2 len(WARPING) + 2]: weights of x, weights of y, purse, depth."""

    def guess(self, pose: Pose) -> FloatArray:
        """Displacement [2] of most of the face, in grid indices."""
        return np.float32(TYPICAL_DEPTH * self.chart.gain) * (pose.parallax @ pose.inverse)

    def displacement(self, terms: FloatArray) -> FloatArray:
        """[sheets, rows, cols, 2] in grid indices, after the head's linear motion is undone.

        ``terms`` are those of :func:`face_terms`. One product for each sheet stays below the size
        at which BLAS wakes a pool of threads, which costs more than it gives.
        """
        sheets, rows, columns, count = self.basis.shape
        flat = self.basis.reshape(sheets, rows * columns, count)
        return (flat @ (terms * np.float32(self.chart.gain))).reshape(sheets, rows, columns, 2)

    def at(self, places: FloatArray) -> FloatArray:
        """The basis at canonical ``places [k, 2]``: [sheets, k, terms]."""
        index = self.chart.index(places)
        cell = np.floor(index).astype(int)
        u, v = (index - cell).T[..., None]
        x, y = cell.T
        top = (1 - u) * self.basis[:, y, x] + u * self.basis[:, y, x + 1]
        bottom = (1 - u) * self.basis[:, y + 1, x] + u * self.basis[:, y + 1, x + 1]
        mixed: FloatArray = (1 - v) * top + v * bottom
        return mixed

    def part(self, sheets: tuple[int, ...], rect: Rect) -> FaceField:
        """Some sheets within ``rect`` of the grid."""
        basis = self.basis[list(sheets), rect.rows, rect.columns]
        return FaceField(self.chart.moved(rect.x, rect.y), np.ascontiguousarray(basis))


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
    """All sheets of a face from elastic weights and the ``depth [3, rows, cols]`` of the nodes."""
    columns = [field.weights_x, field.weights_y, field.purse[..., None], depth[..., None]]
    return FaceField(elastic.CHART, np.concatenate(columns, -1, dtype=np.float32))


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
