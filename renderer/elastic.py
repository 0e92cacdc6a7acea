"""The elastic field: how the skin moves when keypoints move.

The face is a thin plate under tension on a square grid, slit along the lips. Its displacement is
the one of least energy (squared second differences plus, weakly, first ones) that passes exactly
through all controls. It is linear in the keypoint offsets, so that it is solved once per avatar:
per frame it is one product of a matrix with the offsets.

The slit makes the plate two-valued around the lips. The ``UPPER`` sheet carries the upper lip and
goes on below the slit, the ``LOWER`` sheet the reverse; ``SKIN`` is what is there, with a jump at
the slit. Away from it the sheets are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from motion.layout import FloatArray
from renderer.rig import WARPING, Control, Sheet
from renderer.warp import Chart

IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]

PITCH = 0.02
"""Distance of grid nodes in canonical units."""
LEFT, RIGHT, TOP, BOTTOM = -0.42, 0.42, -0.68, 0.46
"""Window of the grid in canonical units."""
SKIN, UPPER, LOWER = range(3)
"""Order of the sheets."""
OVERLAP = 3
"""Rows by which each sheet goes on beyond the slit."""
CHART = Chart(1 / PITCH, -LEFT / PITCH, -TOP / PITCH)
"""Where grid indices lie in canonical space."""
STIFFNESS = 0.08
"""Length in canonical units over which bending outweighs tension."""


@dataclass(frozen=True, slots=True)
class ElasticField:
    """Weights of the displacement at grid nodes of the three sheets."""

    weights_x: FloatArray
    """[3, rows, cols, WARPING]"""
    weights_y: FloatArray
    purse: FloatArray
    """Displacement in y per unit of protrusion [3, rows, cols]."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights_x.shape[1], self.weights_x.shape[2]


def node_positions() -> tuple[FloatArray, FloatArray]:
    """Canonical x [cols] and y [rows] of the grid nodes."""
    x = np.arange(LEFT, RIGHT + PITCH / 2, PITCH, dtype=np.float32)
    y = np.arange(TOP, BOTTOM + PITCH / 2, PITCH, dtype=np.float32)
    return x, y


def solve(controls: list[Control], seam: FloatArray) -> ElasticField:
    """The field through ``controls`` on a plate slit along ``seam [k, 2]``."""
    sheets, own = _number_nodes(seam)
    bands = _bands(sheets, own)
    diagonal, below = _energy(sheets, own, bands)
    sampling = np.stack([_sampling(c, sheets, int(sheets.max()) + 1) for c in controls])
    response = solve_bands(diagonal, below, [sampling[:, band].T for band in bands])
    cardinal = np.linalg.solve((sampling[:, np.concatenate(bands)] @ response).T, response.T).T
    order = np.argsort(np.concatenate(bands))
    weights = []
    for axis in ("follow_x", "follow_y"):
        mixtures = np.array(
            [[getattr(c, axis).get(k, 0.0) for k in WARPING] for c in controls], np.float64
        )
        weights.append((cardinal @ mixtures)[order][sheets].astype(np.float32))
    purse = (cardinal @ np.array([c.purse for c in controls]))[order][sheets].astype(np.float32)
    return ElasticField(weights[0], weights[1], purse)


def solve_bands(diagonal: list[Matrix], below: list[Matrix], right: list[Matrix]) -> Matrix:
    """Solution [n, k] of a symmetric block tridiagonal system, by elimination from the top.

    ``diagonal[i]`` is the block of band i with itself, ``below[i]`` that of band i + 1 with band i,
    ``right[i]`` the band's part of the right side [n_i, k].
    """
    follow: list[Matrix] = []
    solved: list[Matrix] = []
    for i, (block, values) in enumerate(zip(diagonal, right, strict=True)):
        if i:
            block = block - below[i - 1] @ follow[-1]
            values = values - below[i - 1] @ solved[-1]
        after = below[i].T if i < len(below) else np.empty((len(block), 0))
        both = np.linalg.solve(block, np.concatenate([after, values], 1))
        follow.append(both[:, : after.shape[1]])
        solved.append(both[:, after.shape[1] :])
    for i in range(len(solved) - 2, -1, -1):
        solved[i] = solved[i] - follow[i] @ solved[i + 1]
    return np.concatenate(solved)


def _number_nodes(seam: FloatArray) -> tuple[IndexArray, BoolArray]:
    """Numbers of the unknowns [3, rows, cols] of all sheets, and which of them a sheet owns.

    Sheets share the numbers of all nodes but those that go on beyond the slit; further beyond,
    a sheet repeats its last node, which it does not own there.
    """
    x, y = node_positions()
    outer = np.arange(len(x) * len(y)).reshape(len(y), len(x))
    sheets = np.stack([outer] * 3)
    own = np.ones(sheets.shape, np.bool_)
    count = outer.size
    _, upper, lower = sheets
    for column in np.flatnonzero((x > seam[0, 0]) & (x < seam[-1, 0])):
        slit = int(np.searchsorted(y, np.interp(x[column], seam[:, 0], seam[:, 1])))
        below, above = slice(slit, slit + OVERLAP), slice(slit - OVERLAP, slit)
        upper[below, column] = np.arange(count, count + OVERLAP)
        lower[above, column] = np.arange(count + OVERLAP, count + 2 * OVERLAP)
        count += 2 * OVERLAP
        upper[below.stop :, column] = upper[below.stop - 1, column]
        lower[: above.start, column] = lower[above.start, column]
        own[0, :, column] = False
        own[1, below.stop :, column] = False
        own[2, : above.start, column] = False
    return sheets, own


def _bands(sheets: IndexArray, own: BoolArray) -> list[IndexArray]:
    """Numbers of the unknowns in every two rows of the grid, from top to bottom.

    No stencil is higher than three rows: a band has to do with its neighbours only, so that the
    plate is solved band by band, in a hundredth of the time that all unknowns at once would take.
    """
    row_of = np.empty(int(sheets.max()) + 1, np.int64)
    rows = np.broadcast_to(np.arange(sheets.shape[1])[:, None], sheets.shape)
    row_of[sheets[own]] = rows[own]
    return [np.flatnonzero(row_of // 2 == band) for band in range(int(row_of.max()) // 2 + 1)]


def _energy(
    sheets: IndexArray, own: BoolArray, bands: list[IndexArray]
) -> tuple[list[Matrix], list[Matrix]]:
    """Matrix of the plate's energy: blocks of bands with themselves and with those above."""
    band_of = np.empty(int(sheets.max()) + 1, np.int64)
    place = np.empty_like(band_of)
    for number, band in enumerate(bands):
        band_of[band], place[band] = number, np.arange(len(band))
    size = max(len(band) for band in bands)
    # Each band's rows of the matrix: columns of the band above, then its own.
    energy = np.zeros((len(bands), size, 2 * size))
    energy[:, np.arange(size), size + np.arange(size)] = 1e-9
    tension = (PITCH / STIFFNESS) ** 2
    for coefficients, offsets, weight in (
        ((1.0, -2.0, 1.0), ((0, 0), (0, 1), (0, 2)), 1.0),
        ((1.0, -2.0, 1.0), ((0, 0), (1, 0), (2, 0)), 1.0),
        ((1.0, -1.0, -1.0, 1.0), ((0, 0), (0, 1), (1, 0), (1, 1)), 2.0),
        ((1.0, -1.0), ((0, 0), (0, 1)), tension),
        ((1.0, -1.0), ((0, 0), (1, 0)), tension),
    ):
        stencils = _stencils(sheets, own, offsets)
        for i, a in enumerate(coefficients):
            for j, b in enumerate(coefficients):
                one, other = stencils[:, i], stencils[:, j]
                above = band_of[one] - band_of[other]
                kept = above >= 0
                one, other, column = one[kept], other[kept], (1 - above[kept]) * size
                where = band_of[one], place[one], column + place[other]
                np.add.at(energy, where, weight * a * b)
    sizes = [len(band) for band in bands]
    diagonal = [energy[i, :n, size : size + n] for i, n in enumerate(sizes)]
    below = [energy[i, :n, :m] for i, (m, n) in enumerate(pairwise(sizes), 1)]
    return diagonal, below


def _stencils(
    sheets: IndexArray, own: BoolArray, offsets: tuple[tuple[int, int], ...]
) -> IndexArray:
    """Unknowns of every place of a stencil [n, len(offsets)], each once, none across the slit."""
    rows, cols = sheets.shape[1:]
    reach_y, reach_x = (max(offset[axis] for offset in offsets) for axis in (0, 1))
    windows = [
        (slice(None), slice(dy, rows - reach_y + dy), slice(dx, cols - reach_x + dx))
        for dy, dx in offsets
    ]
    numbers = np.stack([sheets[w].ravel() for w in windows], 1)
    inside = np.all([own[w].ravel() for w in windows], axis=0)
    unique: IndexArray = np.unique(numbers[inside], axis=0)
    return unique


def _sampling(control: Control, sheets: IndexArray, size: int) -> Matrix:
    """Row of bilinear weights [size] that reads the field at a control."""
    column, row = (control.x - LEFT) / PITCH, (control.y - TOP) / PITCH
    i, j = int(row), int(column)
    v, u = row - i, column - j
    sheet = sheets[LOWER if control.sheet is Sheet.LOWER else UPPER]
    weights = np.zeros(size)
    for di, dj, share in (
        (0, 0, (1 - v) * (1 - u)),
        (0, 1, (1 - v) * u),
        (1, 0, v * (1 - u)),
        (1, 1, v * u),
    ):
        weights[sheet[i + di, j + dj]] += share
    return weights
