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

    def displacement(self, terms: FloatArray) -> FloatArray:
        """[sheets, rows, cols, 4] in grid indices, after the linear motion is undone.

        ``terms`` are those of :func:`face_terms`.
        """
        sheets, rows, columns, count = self.basis.shape
        # Four channels are sampled fastest.
        wanted = np.zeros((count, SAMPLED_CHANNELS), np.float32)
        np.multiply(terms, self.chart.gain, out=wanted[:, :2])
        moved: FloatArray = self.basis.reshape(-1, count) @ wanted
        return moved.reshape(sheets, rows, columns, SAMPLED_CHANNELS)

    def at(self, places: FloatArray) -> FloatArray:
        """The basis at canonical ``places [k, 2]``: [sheets, k, terms]; outside as at the edge."""
        rows, columns = self.basis.shape[1:3]
        index = np.clip(self.chart.index(places), 0, (columns - 1.001, rows - 1.001))
        cell = np.floor(index).astype(int)
        u, v = (index - cell).T[..., None]
        x, y = cell.T
        top = (1 - u) * self.basis[:, y, x] + u * self.basis[:, y, x + 1]
        bottom = (1 - u) * self.basis[:, y + 1, x] + u * self.basis[:, y + 1, x + 1]
        mixed: FloatArray = ((1 - v) * top + v * bottom).astype(np.float32)
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
        matrix = np.zeros((SAMPLED_CHANNELS, 4), np.float32)
        np.multiply(coefficients.T, self.chart.gain, out=matrix[:2])
        return cast(FloatArray, cv2.transform(self.basis, matrix))


@dataclass(frozen=True, slots=True)
class PlateField:
    """Everything behind the head: the neck bends, shoulders take half of the translation.

    It moves so little that the displacement is taken where places come to lie instead of where
    they come from; so nothing has to be inverted.
    """

    basis: FloatArray
    """[6, rows * cols] at the nodes of a lattice: places x, y at rest in pixels of the plate, then
    what is followed of x, y, depth and 1."""
    shape: tuple[int, int]
    gain: float
    """Pixels of the plate per canonical unit."""

    def places(self, pose: Pose) -> FloatArray:
        """What of the plate the nodes of the lattice show [2, rows, cols], in pixels."""
        coefficients = np.eye(2, 6, dtype=np.float32)
        np.multiply((_AT_REST - pose.projection).T, self.gain, out=coefficients[:, 2:])
        places: FloatArray = (coefficients @ self.basis).reshape(2, *self.shape)
        return places


def face_field(field: elastic.ElasticField, depth: FloatArray) -> FaceField:
    """All sheets of a face from elastic weights and the ``depth [3, rows, cols]`` of the nodes."""
    columns = [field.weights_x, field.weights_y, field.purse[..., None], depth[..., None]]
    return FaceField(elastic.CHART, np.concatenate(columns, -1, dtype=np.float32))


def hair_field(chart: Chart, depth: FloatArray, head: FloatArray) -> HairField:
    columns = np.arange(depth.shape[1], dtype=np.float32)
    rows = np.arange(depth.shape[0], dtype=np.float32)
    x, y = np.meshgrid((columns - chart.x) / chart.gain, (rows - chart.y) / chart.gain)
    rest = 1 - head
    return HairField(
        chart, np.stack([rest * x, rest * y, -head * depth, rest], -1, dtype=np.float32)
    )


def plate_field(
    frame: Chart, lattice: FloatArray, depth: FloatArray, head: FloatArray, body: FloatArray
) -> PlateField:
    """The field at canonical places ``lattice [2, rows, cols]``, as the maps there."""
    x, y = lattice
    at_rest = np.moveaxis(frame.index(np.moveaxis(lattice, 0, -1)), -1, 0)
    shares = [head * x, head * y, head * depth, head + (1 - head) * body]
    basis = np.concatenate([at_rest, shares], dtype=np.float32)
    return PlateField(basis.reshape(6, -1), x.shape, frame.gain)
