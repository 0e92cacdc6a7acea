"""Whether layers fold over themselves: how small the cells of their grids become."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from motion.layout import FloatArray
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.field import FaceField, face_terms
from renderer.lips import BAND, FADE
from renderer.pose import Pose, read_pose
from renderer.warp import Chart

BoolArray = npt.NDArray[np.bool_]


class Cells:
    """The cells of an avatar's fields in which a fold would be visible."""

    def __init__(self, avatar: EmbeddedAvatar) -> None:
        self._avatar = avatar
        skin, lips = avatar.face_field, avatar.mouth.lips.field
        shown = self._shows(avatar.face.rect.y, avatar.face.rect.x, avatar.face.pixels, skin.chart,
                            skin.basis.shape[1:3])  # fmt: skip
        reach = BAND - FADE
        self._fields = [(skin, 0, shown & ~self._by_seam(skin, -reach, reach))]
        self._fields += [(lips, 0, self._by_seam(lips, -reach, 0.0))]
        self._fields += [(lips, 1, self._by_seam(lips, 0.0, reach))]
        hair, layer = avatar.hair_field, avatar.hair
        self._hair = self._shows(layer.y, layer.x, layer.pixels, hair.chart, hair.basis.shape[:2])

    def _shows(
        self, y: int, x: int, pixels: ImageArray, chart: Chart, shape: tuple[int, ...]
    ) -> BoolArray:
        """Cells of a grid in whose middle a layer, its corner at (x, y), is visible."""
        frame = self._avatar.frame
        alpha = np.zeros((self._avatar.size, self._avatar.size), np.uint8)
        height, width = pixels.shape[:2]
        alpha[y : y + height, x : x + width] = pixels[..., 3]
        places = frame.index(np.stack(_cell_places(chart, shape), -1))
        columns, rows = np.moveaxis(np.rint(places).astype(int), -1, 0)
        last = len(alpha) - 1
        inside = (columns >= 0) & (columns <= last) & (rows >= 0) & (rows <= last)
        shown: BoolArray = inside & (alpha[rows.clip(0, last), columns.clip(0, last)] > 0)
        return shown

    def _by_seam(self, field: FaceField, above: float, below: float) -> BoolArray:
        """Cells between the corners of the mouth, ``above`` to ``below`` under the seam."""
        x, y = _cell_places(field.chart, field.basis.shape[1:3])
        seam = self._avatar.mouth.lips.seam
        away = y - np.interp(x, seam[:, 0], seam[:, 1])
        inside: BoolArray = (x > seam[0, 0]) & (x < seam[-1, 0]) & (away > above) & (away < below)
        return inside

    def least_area(self, motion: FloatArray) -> float:
        """Least area of a cell of any layer under ``motion [70]``, relative to its area at rest."""
        pose = read_pose(motion)
        return min(self._of_face(pose), self._of_hair(pose), self._of_plate(pose))

    def _of_face(self, pose: Pose) -> float:
        terms = face_terms(pose)
        return min(
            float(_areas(_moved(field.displacement(terms)[sheet]))[cells].min())
            for field, sheet, cells in self._fields
        )

    def _of_hair(self, pose: Pose) -> float:
        areas = _areas(_moved(self._avatar.hair_field.displacement(pose)))
        return float(areas[self._hair].min(initial=1.0))

    def _of_plate(self, pose: Pose) -> float:
        """Least relative area; its map leads the other way, from the frame to the portrait."""
        fields = (field for _, field in self._avatar.plate_fields)
        places = (np.moveaxis(field.places(pose), 0, -1) for field in fields)
        return min(float(_areas(p).min()) / self._avatar.step**2 for p in places)


def _moved(displacement: FloatArray) -> FloatArray:
    """Where ``displacement [rows, cols, 4]`` moves the nodes of its grid [rows, cols, 2]."""
    rows, columns = displacement.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    moved: FloatArray = np.stack([x, y], -1) + displacement[..., :2]
    return moved


def _areas(places: FloatArray) -> FloatArray:
    """Least signed area at a corner of each cell between ``places [rows, cols, 2]``."""
    across, down = np.diff(places, axis=1), np.diff(places, axis=0)
    sides = [(a, d) for a in (across[:-1], across[1:]) for d in (down[:, :-1], down[:, 1:])]
    areas = [a[..., 0] * d[..., 1] - a[..., 1] * d[..., 0] for a, d in sides]
    least: FloatArray = np.min(areas, axis=0)
    return least


def _cell_places(chart: Chart, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Canonical x and y of the centres of a grid's cells."""
    rows, columns = shape
    y, x = np.mgrid[: rows - 1, : columns - 1].astype(np.float32) + 0.5
    return (x - chart.x) / chart.gain, (y - chart.y) / chart.gain
