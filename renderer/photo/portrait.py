"""A portrait for the embedded decoder from one picture and its 21 keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.canvas import (
    CANVAS,
    PIVOT,
    UNIT,
    close_lips,
    on_canvas,
    seam_of,
    to_pixels,
)
from renderer.photo.eyes import find_eye, take_apart
from renderer.photo.mouth import denture, lower_lip
from renderer.photo.picture import encoded_jpeg
from renderer.photo.points import check_points, placement
from renderer.portrait import Portrait, Source
from renderer.relief import BREATH_SHARE, Relief, grid, smoothstep

K = Keypoint

OPEN_MOUTH: Final = 0.012
SMILE: Final = 0.028
"""Gap of the lips and rise of the corners, in canonical units, that are remarked upon."""
EDGE: Final = 0.02
"""Width in canonical units over which the face fades into the head around it."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """A portrait, and what its picture makes harder than it need be."""

    portrait: Portrait
    remarks: tuple[str, ...]
    """One sentence each."""


def portrait_from(picture: ImageArray, points: FloatArray, name: str, title: str) -> Preparation:
    """Prepare ``picture``, BGR [h, w, 3], whose keypoints lie at pixels ``points [21, 2]``.

    The head's surroundings stretch with it instead of being cut out, so there is no seam and
    nothing to fill; the mouth, the eyes and the lids are made of the picture's own colours.
    Raises :class:`~renderer.photo.points.PointsError`.
    """
    check_points(points, picture.shape[1], picture.shape[0])
    placed = placement(points)
    canvas, face = on_canvas(picture, placed), placed.places(points)
    remarks = _remarks(face, placed.unit)
    canvas, face = close_lips(canvas, face)
    face[K.LOWER_INNER] = face[K.UPPER_INNER]
    seam = seam_of(face)
    face[K.UPPER_INNER, 1] = face[K.LOWER_INNER, 1] = np.interp(
        face[K.UPPER_INNER, 0], seam[:, 0], seam[:, 1]
    )
    gaze_y = float(to_pixels(face[K.GAZE])[1])
    shapes = [
        find_eye(canvas, to_pixels(face[key]), gaze_y, side)
        for key, side in ((K.LID_LEFT, -1.0), (K.LID_RIGHT, 1.0))
    ]
    layers = _joined([take_apart(canvas, shape) for shape in shapes])
    ball = layers["eye_ball"]
    white = float(ball[ball[..., 3] > 200][:, :3].mean(1).max(initial=160.0))
    clear = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    layers |= {
        "plate": np.dstack([canvas, np.full((CANVAS, CANVAS), 255, np.uint8)]),
        "face": np.dstack([canvas, _face_mask(face)]),
        "hair": clear,
        "glint": clear,
        "lashes_up": clear,
        "lashes_down": clear,
        "lower_lip": lower_lip(canvas, seam),
        **denture(seam, white),
    }
    relief = Relief()
    depth = relief.face(face[:, 0], face[:, 1])
    left, right = (shape.canonical() for shape in shapes)
    portrait = Portrait(
        name=name,
        title=title,
        picture=CANVAS,
        unit=UNIT,
        pivot=PIVOT,
        canonical=np.concatenate([face, depth[:, None]], 1).astype(np.float32),
        seam=seam,
        eyes=(left, right),
        layers={name: np.ascontiguousarray(layer) for name, layer in layers.items()},
        maps=_maps(relief),
        source=Source(encoded_jpeg(picture), points.astype(np.float32)),
    )
    return Preparation(portrait, remarks)


def _remarks(face: FloatArray, unit: float) -> tuple[str, ...]:
    remarks = []
    if face[K.LOWER_INNER, 1] - face[K.UPPER_INNER, 1] > OPEN_MOUTH:
        remarks.append("The mouth is open and was closed; a picture with closed lips looks better.")
    corners = (face[K.MOUTH_LEFT, 1] + face[K.MOUTH_RIGHT, 1]) / 2
    if face[K.UPPER_INNER, 1] - corners > SMILE:
        remarks.append("The face smiles and will always smile a little; a calm one speaks better.")
    tilt = abs(float(face[K.MOUTH_LEFT, 1] - face[K.MOUTH_RIGHT, 1]))
    turn = abs(float(face[K.NOSE, 0] - (face[K.MOUTH_LEFT, 0] + face[K.MOUTH_RIGHT, 0]) / 2))
    if tilt > 0.035 or turn > 0.05:
        remarks.append("The face is turned aside; one that looks into the camera moves better.")
    if unit < UNIT / 3:
        remarks.append("The face is small in the picture and will look soft.")
    return tuple(remarks)


def _joined(eyes: list[dict[str, ImageArray]]) -> dict[str, ImageArray]:
    """Both eyes in one set of layers: each has its half of the canvas."""
    left, right = eyes
    middle = int(PIVOT[0])
    return {
        name: np.concatenate([left[name][:, :middle], right[name][:, middle:]], 1) for name in left
    }


def _face_mask(face: FloatArray) -> ImageArray:
    """Alpha [CANVAS, CANVAS] of the part of the face that expressions move."""
    chin = float(face[K.JAW, 1]) + 0.055
    top = max(float(face[K.FOREHEAD, 1]) - 0.10, -0.60)
    rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    x, y = (columns - PIVOT[0]) / UNIT, (rows - PIVOT[1]) / UNIT
    centre = -0.12
    reach = np.where(y > centre, chin - centre, centre - top)
    power = np.where(y > centre, 2.0, 2.6)
    radius = (np.abs(x / 0.345) ** 2.6 + np.abs((y - centre) / reach) ** power) ** (1 / 2.2)
    alpha = smoothstep(1.0, 1.0 - 3 * EDGE, radius.astype(np.float32))
    return np.rint(alpha * 255).astype(np.uint8)


def _maps(relief: Relief) -> dict[str, FloatArray]:
    """Maps for a head that is not cut out: what surrounds it follows it less and less."""
    x, y = grid(CANVAS, UNIT, PIVOT)
    maps = relief.maps(x, y)
    radius = np.hypot(x / 0.92, (y + 0.22) / np.where(y > -0.22, 1.0, 1.06)).astype(np.float32)
    near = smoothstep(0.98, 0.48, radius)
    edge = np.minimum(np.minimum(x - x[0, 0], x[0, -1] - x), np.minimum(y - y[0, 0], 0.5)).astype(
        np.float32
    )
    head = near * smoothstep(0.0, 0.24, edge) * smoothstep(0.78, 0.34, y)
    depth = relief.face(x, y)
    shoulder = np.interp(np.abs(x), [0.0, 0.19, 0.46, 0.75, 0.88], [0.6, 0.6, 0.66, 0.82, 1.0])
    body = smoothstep(-0.12, 0.0, y - shoulder.astype(np.float32))
    maps |= {
        "plate.head": head,
        "plate.depth": np.maximum(depth, -0.05),
        "plate.body": np.float32(BREATH_SHARE) * body * smoothstep(0.0, 0.1, edge),
    }
    return {name: np.ascontiguousarray(values, np.float32) for name, values in maps.items()}
