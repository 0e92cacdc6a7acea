"""An avatar of the embedded family: a portrait prepared once for frames of one size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray, neutral_motion
from renderer import elastic, rig
from renderer.contract import ImageArray
from renderer.eyes import Eyes, prepare_eyes
from renderer.field import FaceField, HairField, PlateField, face_field, hair_field, plate_field
from renderer.layer import Layer, Rect, premultiplied, trimmed
from renderer.lips import Lips, cut_lips
from renderer.mouth import MouthParts
from renderer.outline import FaceOutline, HairOutline, edge_points, hole_edges
from renderer.portrait import Portrait, PortraitError, read_portrait
from renderer.raster import over, sampled_values
from renderer.warp import Chart, start_places
from renderer.wrinkles import Wrinkles, prepare_wrinkles

BoolArray = npt.NDArray[np.bool_]

SIZES: Final = range(128, 1025, 64)
"""Frame sizes that an avatar can be prepared for."""

STEPS_PER_FRAME: Final = 64
"""Lattice nodes across a frame; twice as many on the face."""

CLEAR_SHARE: Final = 32
"""Clear margin around face and hair, as 1 / 32 of a frame. OpenCV is slow to sample places outside
of a texture: 16 pixels instead of 2 save a quarter of the sampling time."""

HOLE_SHARE: Final = 16
"""Least area of a hole in the hair, as 1 / 16 of a frame, that drawing skips."""

LIP_REACH: Final = 0.14
"""Reach of the lips' pictures around the lips, in canonical units; beyond their bands for speed."""

NEAR_MOUTH: Final = 0.14
"""Reach of the mouth's own field around the lips, in canonical units."""


@dataclass(frozen=True, slots=True)
class EmbeddedAvatar:
    """Textures, fields and keypoints of one portrait at one size; shared by all sessions."""

    name: str
    title: str
    size: int
    canonical: FloatArray
    """Keypoints x_c [21, 3]."""
    frame: Chart
    """Maps canonical places to pixels of a frame."""
    plate: ImageArray
    """Everything behind the head [size, size, 4]."""
    plate_fields: tuple[tuple[Rect, PlateField], ...]
    """The parts of the plate that can move, with their fields."""
    face: Layer
    face_field: FaceField
    """The skin's sheet; the mouth has those of the lips."""
    face_outline: FaceOutline
    hair: Layer
    hair_outline: HairOutline
    hair_field: HairField
    eyes: Eyes
    wrinkles: Wrinkles
    mouth: MouthParts

    @property
    def rest(self) -> FloatArray:
        motion: FloatArray = neutral_motion()[0]
        return motion

    @property
    def step(self) -> int:
        """Pixels between lattice nodes."""
        return self.size // STEPS_PER_FRAME

    @property
    def face_step(self) -> int:
        """Pixels between lattice nodes on the face, where the displacement bends most."""
        return max(self.step // 2, 1)

    @property
    def mouth_step(self) -> int:
        """Pixels between lattice nodes around the mouth, whose corners bend it more."""
        return max(self.step // 4, 1)


def load_avatar(folder: Path, size: int = 512) -> EmbeddedAvatar:
    """The avatar in ``folder``, a folder or a ``.avatar`` file, see :func:`prepare`.

    Raises :class:`~renderer.portrait.PortraitError`.
    """
    return prepare(read_portrait(folder), size)


def prepare(portrait: Portrait, size: int = 512) -> EmbeddedAvatar:
    """Prepare ``portrait`` for frames of ``size`` x ``size`` pixels.

    Raises ValueError if ``size`` is not one of :data:`SIZES`,
    :class:`~renderer.portrait.PortraitError` if the portrait's measures make no face.
    """
    if size not in SIZES:
        raise ValueError(
            f"frame size {size} is not offered; choose a multiple of {SIZES.step} "
            f"from {SIZES.start} to {SIZES[-1]}"
        )
    try:
        return _prepared(portrait, size)
    except (cv2.error, ValueError, LookupError, ArithmeticError) as error:
        # All values are valid by themselves, but do not form a face.
        raise PortraitError(f"{portrait.name} cannot be drawn: its measures do not fit") from error


def _prepared(portrait: Portrait, size: int) -> EmbeddedAvatar:
    ratio = size / portrait.picture
    frame = Chart(
        portrait.unit * ratio, portrait.pivot[0] * ratio - 0.5, portrait.pivot[1] * ratio - 0.5
    )
    pictures = {name: premultiplied(layer, size) for name, layer in portrait.layers.items()}
    over(pictures["face"], pictures["eye_ball"])
    face = trimmed(pictures["face"], size // CLEAR_SHARE)
    maps = {name: _MapChart(portrait, m) for name, m in portrait.maps.items()}
    sheets = _face_field(portrait, maps["face.depth"])
    _, rows, columns, _ = sheets.basis.shape
    hair = hair_field(
        maps["hair.depth"].chart, portrait.maps["hair.depth"], portrait.maps["hair.head"]
    )
    skin = sheets.part((elastic.SKIN,), Rect(0, 0, columns, rows))
    face_edge = edge_points(face, frame)
    front_hair = trimmed(pictures["hair"], size // CLEAR_SHARE)
    return EmbeddedAvatar(
        name=portrait.name,
        title=portrait.title,
        size=size,
        canonical=portrait.canonical,
        frame=frame,
        plate=pictures["plate"],
        plate_fields=tuple(
            (part, _plate_field(maps, part, frame, size // STEPS_PER_FRAME))
            for part in _moving(portrait, size)
        ),
        face=face,
        face_field=skin,
        face_outline=FaceOutline(face_edge, skin.at(face_edge)[0]),
        hair=front_hair,
        hair_outline=_hair_outline(front_hair, maps, frame, size),
        hair_field=hair,
        eyes=prepare_eyes(portrait.eyes, pictures, face, frame),
        wrinkles=prepare_wrinkles(portrait.canonical, face, frame),
        mouth=_mouth(portrait, pictures, sheets, frame),
    )


class _MapChart:
    """A map of the portrait with the chart of its nodes."""

    def __init__(self, portrait: Portrait, values: FloatArray) -> None:
        spacing = portrait.picture / (len(values) - 1)
        self.values = values
        self.chart = Chart(
            portrait.unit / spacing, portrait.pivot[0] / spacing, portrait.pivot[1] / spacing
        )

    def at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Values at canonical places [rows, cols]."""
        chart = self.chart
        return sampled_values(self.values, x * chart.gain + chart.x, y * chart.gain + chart.y)


def _face_field(portrait: Portrait, depth: _MapChart) -> FaceField:
    """The field of the face on all sheets."""
    field = elastic.solve(rig.controls(portrait.canonical, portrait.seam), portrait.seam)
    relief = np.tile(depth.at(*np.meshgrid(*elastic.node_positions())), (3, 1, 1))
    # The depth map is too coarse for the tip of the nose: meet the keypoints' depths exactly.
    keypoints = portrait.canonical[list(rig.WARPING)]
    drawn = face_field(field, relief).at(keypoints[:, :2])[..., -1]
    sheets = [elastic.LOWER if key in rig.ON_LOWER_SHEET else elastic.UPPER for key in rig.WARPING]
    missing = keypoints[:, 2] - drawn[sheets, np.arange(len(sheets))]
    return face_field(field, relief + field.weights_y @ missing)


def _plate_field(maps: dict[str, _MapChart], part: Rect, frame: Chart, step: int) -> PlateField:
    """The field of the plate on the lattice of a ``part`` of it."""
    identity, still = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    lattice = start_places(part, step, frame, Chart(1.0, 0.0, 0.0), identity, still)
    depth, head, body = (maps[f"plate.{kind}"].at(*lattice) for kind in ("depth", "head", "body"))
    return plate_field(frame, lattice, depth, head, body)


def _hair_outline(hair: Layer, maps: dict[str, _MapChart], frame: Chart, size: int) -> HairOutline:
    edges = [edge_points(hair, frame)]
    hole = _clear_middle(hair, size)
    if not hole.empty:
        edges += hole_edges(hole, frame)
    points = np.concatenate(edges)
    x, y = points.T
    depth, head = (maps[f"hair.{kind}"].at(x[None], y[None])[0] for kind in ("depth", "head"))
    followed = np.stack([head * x, head * y, head * depth, head], -1)
    still = points * (1 - head)[:, None]
    if hole.empty:
        return HairOutline(followed, still, None)
    a, b, c, d = np.cumsum([len(edge) for edge in edges]).tolist()
    return HairOutline(followed, still, (slice(a, b), slice(b, c), slice(c, d)))


def _moving(portrait: Portrait, size: int) -> tuple[Rect, Rect]:
    """The parts of the plate that move: a narrow one above a wide one, in lattice steps."""
    follows = np.maximum(portrait.maps["plate.head"], portrait.maps["plate.body"]) > 0
    rows = np.flatnonzero(follows.any(1))
    splits = [
        (_bounds(follows, rows[0], row), _bounds(follows, row, rows[-1] + 1)) for row in rows[1:]
    ]
    best = min(splits, key=lambda parts: sum(w * h for _, _, w, h in parts))
    step = size // STEPS_PER_FRAME
    upper, lower = (Rect(x * step, y * step, w * step, h * step) for x, y, w, h in best)
    return upper, lower


def _bounds(follows: BoolArray, first: int, last: int) -> tuple[int, int, int, int]:
    """Lattice cells (x, y, width, height) that nodes in rows [first, last) reach into."""
    cells = STEPS_PER_FRAME / (len(follows) - 1)
    columns = np.flatnonzero(follows[first:last].any(0))
    x0 = max(int((columns[0] - 1) * cells), 0)
    x1 = min(int(np.ceil((columns[-1] + 1) * cells)), STEPS_PER_FRAME)
    y0, y1 = int(first * cells), min(int(np.ceil(last * cells)), STEPS_PER_FRAME)
    return x0, y0, x1 - x0, y1 - y0


def _clear_middle(layer: Layer, size: int) -> Rect:
    """The largest clear rectangle on the lower edge of ``layer``, in pixels of its picture of
    ``size``; empty if leaving it out would save less than drawing in parts costs."""
    clear = layer.pixels[..., 3] == 0
    height, width = clear.shape
    middle = width // 2
    best = Rect(0, 0, 0, 0)
    least = size * size // HOLE_SHARE
    for top in range(0, height, 4):
        columns = clear[top:].all(0)
        if not columns[middle]:
            continue
        left = middle - int(np.argmin(columns[middle::-1])) + 1
        right = middle + int(np.argmin(columns[middle:]))
        if (right - left) * (height - top) > max(best.width * best.height, least):
            best = Rect(layer.x + left, layer.y + top, right - left, height - top)
    return best


def _mouth(
    portrait: Portrait, pictures: dict[str, ImageArray], field: FaceField, frame: Chart
) -> MouthParts:
    upper, lower = cut_lips(
        pictures["face"], pictures["lower_lip"], frame.index(portrait.seam), frame.gain
    )
    lips = portrait.canonical[: Keypoint.UPPER_RIGHT + 1]
    low, high = (frame.index(lips[:, :2].min(0)), frame.index(lips[:, :2].max(0)))
    reach = LIP_REACH * frame.gain
    x0, y0 = (low - reach).astype(int)
    x1, y1 = (high + reach).astype(int)
    window = Rect(int(x0), int(y0), int(x1 - x0), int(y1 - y0)).within(len(upper), len(upper))

    x0, y0 = (field.chart.index(lips[:, :2].min(0)) - NEAR_MOUTH * field.chart.gain).astype(int)
    x1, y1 = (field.chart.index(lips[:, :2].max(0)) + NEAR_MOUTH * field.chart.gain).astype(int)
    _, rows, columns, _ = field.basis.shape
    around_lips = Rect(int(x0), int(y0), int(x1 - x0), int(y1 - y0)).within(columns, rows)
    near = field.part((elastic.UPPER, elastic.LOWER), around_lips)
    return MouthParts(
        lips=Lips(
            pictures=np.concatenate([window.cut(upper), window.cut(lower)]),
            chart=frame.moved(window.x, window.y),
            field=near,
            keypoints=lips,
            seam=portrait.seam,
            seam_basis=near.at(portrait.seam),
        ),
        upper_teeth=trimmed(pictures["upper_teeth"]),
        lower_teeth=trimmed(pictures["lower_teeth"]),
        tongue=trimmed(pictures["tongue"]),
        chart=frame,
    )
