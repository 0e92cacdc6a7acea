"""Displacement fields of the three layers, linear in a few numbers of the frame.

Each field is a matrix over grid nodes, made once, times coefficients that follow from the
:class:`~renderer.pose.Pose`. Displacements are those that :func:`renderer.warp.invert` needs:
x and y in the first two of four channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer import elastic
from renderer.layer import Rect
from renderer.pose import Pose
from renderer.raster import SAMPLED_CHANNELS
from renderer.rig import WARPING
from renderer.warp import Chart

TYPICAL_DEPTH = 0.24
"""Depth of the middle of a face in canonical units."""
_AT_REST = np.eye(4, 2, dtype=np.float32)
"""The projection of a head at rest."""
_WARPING = np.array(WARPING)


def face_terms(pose: Pose) -> FloatArray:
    """What the basis of a :class:`FaceField` is multiplied by, in canonical units [terms, 2]."""
    count = len(WARPING)
    offsets = pose.offsets[_WARPING]
    across, down = pose.scale * pose.inverse
    terms = np.empty((2 * count + 2, 2), np.float32)
    np.multiply(offsets[:, :1], across, out=terms[:count])
    np.multiply(offsets[:, 1:2], down, out=terms[count:-2])
    np.multiply(down, max(float(pose.offsets[Keypoint.LOWER_INNER, 2]), 0.0), out=terms[-2])
    np.matmul(pose.parallax, pose.inverse, out=terms[-1])
    return terms


@dataclass(frozen=True, slots=True)
class FaceField:
    """Elastic displacement and relief of the face on some of its sheets."""

    chart: Chart
    basis: FloatArray
    """[sheets, rows, cols, 2 len(WARPING) + 2]: weights of x, weights of y, purse, depth."""

    def guess(self, terms: FloatArray) -> FloatArray:
        """Displacement [2] of most of the face, in grid indices."""
        guess: FloatArray = np.float32(TYPICAL_DEPTH * self.chart.gain) * terms[-1]
        return guess

    def displacement(self, terms: FloatArray) -> list[FloatArray]:
        """[rows, cols, 4] of each sheet in grid indices, after the linear motion is undone.

        ``terms`` are those of :func:`face_terms`. One product for each sheet stays below the size
        at which BLAS wakes a pool of threads, which costs more than it gives.
        """
        sheets, rows, columns, count = self.basis.shape
        flat = self.basis.reshape(sheets, rows * columns, count)
        moved = (flat @ (terms * np.float32(self.chart.gain))).reshape(sheets, rows, columns, 2)
        # Twice, for the four channels that are sampled fastest.
        return [cast(FloatArray, cv2.merge((sheet, sheet))) for sheet in moved]

    def at(self, places: FloatArray) -> FloatArray:
        """The basis at canonical ``places [k, 2]``: [sheets, k, terms]; outside as at the edge."""
        rows, columns = self.basis.shape[1:3]
        index = np.clip(self.chart.index(places), 0, (columns - 1.001, rows - 1.001))
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
    basis: FloatArray
    """[rows, cols, 4]: what is not followed of x, y, of depth (less what is), and of 1."""

    def displacement(self, pose: Pose) -> FloatArray:
        """[rows, cols, 4] in grid indices, after the linear motion of the head is undone."""
        coefficients = (_AT_REST - pose.projection) @ pose.inverse
        return _combined(self.basis, coefficients.astype(np.float32), self.chart)


@dataclass(frozen=True, slots=True)
class PlateField:
    """Everything behind the head: the neck bends, shoulders take half of the translation."""

    chart: Chart
    basis: FloatArray
    """[rows, cols, 4]: what is followed of x, y, depth and 1."""

    def displacement(self, pose: Pose) -> FloatArray:
        """[rows, cols, 4] in grid indices."""
        return _combined(self.basis, pose.projection - _AT_REST, self.chart)


def _combined(basis: FloatArray, coefficients: FloatArray, chart: Chart) -> FloatArray:
    """``basis [rows, cols, 4]`` times ``coefficients [4, 2]`` in grid indices, [rows, cols, 4]."""
    matrix = np.zeros((SAMPLED_CHANNELS, 4), np.float32)
    np.multiply(coefficients.T, chart.gain, out=matrix[:2])
    return cast(FloatArray, cv2.transform(basis, matrix))


def face_field(field: elastic.ElasticField, depth: FloatArray) -> FaceField:
    """All sheets of a face from elastic weights and the ``depth [3, rows, cols]`` of the nodes."""
    columns = [field.weights_x, field.weights_y, field.purse[..., None], depth[..., None]]
    return FaceField(elastic.CHART, np.concatenate(columns, -1, dtype=np.float32))


def hair_field(chart: Chart, depth: FloatArray, head: FloatArray) -> HairField:
    x, y = _positions(chart, depth.shape)
    rest = 1 - head
    return HairField(chart, np.stack([rest * x, rest * y, -head * depth, rest], -1))


def plate_field(chart: Chart, depth: FloatArray, head: FloatArray, body: FloatArray) -> PlateField:
    x, y = _positions(chart, depth.shape)
    shares = [head * x, head * y, head * depth, head + (1 - head) * body]
    return PlateField(chart, np.stack(shares, -1))


def _positions(chart: Chart, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    columns = np.arange(shape[1], dtype=np.float32)
    rows = np.arange(shape[0], dtype=np.float32)
    x, y = np.meshgrid((columns - chart.x) / chart.gain, (rows - chart.y) / chart.gain)
    return x.astype(np.float32), y.astype(np.float32)
