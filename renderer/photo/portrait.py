"""A portrait for the embedded decoder from one picture and its 21 keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.canvas import (
    CANVAS,
    PIVOT,
    UNIT,
    canonical_grid,
    close_lips,
    on_canvas,
    seam_of,
    to_pixels,
)
from renderer.photo.cutout import CHIN, NECK, Cutout, cut_out, jaw_zone
from renderer.photo.eyes import find_eye, take_apart
from renderer.photo.mouth import lower_lip
from renderer.photo.picture import encoded_jpeg
from renderer.photo.points import check_points, placement
from renderer.photo.teeth import denture, find_teeth
from renderer.portrait import Portrait, Source
from renderer.relief import BREATH_SHARE, Relief, grid, smoothstep

K = Keypoint

OPEN_MOUTH: Final = 0.012
SMILE: Final = 0.028
BROAD: Final = 0.33
"""Gap of the lips, rise of the corners and width of the mouth, in canonical units, above which
there is a remark."""
EDGE: Final = 0.02
"""Width in canonical units over which the face fades into the head around it."""
RIM: Final = 0.30
RIM_SLOPE: Final = 0.45
"""From where, to the side, a head falls back more gently than a face, and the share of that."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """A portrait, and remarks on how its picture could be better."""

    portrait: Portrait
    remarks: tuple[str, ...]
    """One sentence each."""


def portrait_from(picture: ImageArray, points: FloatArray, name: str, title: str) -> Preparation:
    """Prepare ``picture``, BGR [h, w, 3], whose keypoints lie at pixels ``points [21, 2]``.

    The head is cut out if it can be separated from the background; else its surroundings stretch
    with it. The hidden background, the mouth, the eyes and the lids are made of the picture's own
    colours. Raises :class:`~renderer.photo.points.PointsError`.
    """
    check_points(points, picture.shape[1], picture.shape[0])
    placed = placement(points)
    canvas, inside = on_canvas(picture, placed)
    face = placed.places(points)
    remarks = _remarks(face, placed.unit, inside)
    teeth = find_teeth(canvas, face, seam_of(face))
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
    light = float(ball[ball[..., 3] > 200][:, :3].mean(1).max(initial=_skin(canvas, face)))
    clear = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    cutout = cut_out(canvas, inside, face)
    layers |= _whole(canvas, face) if cutout is None else _cut(cutout, face)
    layers |= {
        "glint": clear,
        "lashes_up": clear,
        "lashes_down": clear,
        "lower_lip": lower_lip(canvas, seam),
        **denture(seam, light, teeth),
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
        maps=_stretching(relief) if cutout is None else _parting(relief, cutout),
        source=Source(encoded_jpeg(picture), points.astype(np.float32)),
    )
    return Preparation(portrait, remarks)


def _remarks(face: FloatArray, unit: float, inside: FloatArray) -> tuple[str, ...]:
    remarks = []
    if face[K.LOWER_INNER, 1] - face[K.UPPER_INNER, 1] > OPEN_MOUTH:
        remarks.append("The mouth is open and was closed; a picture with closed lips looks better.")
    corners = (face[K.MOUTH_LEFT, 1] + face[K.MOUTH_RIGHT, 1]) / 2
    wide = face[K.MOUTH_RIGHT, 0] - face[K.MOUTH_LEFT, 0] > BROAD
    if wide or face[K.UPPER_INNER, 1] - corners > SMILE:
        remarks.append("The face smiles and will always smile a little; a calm one speaks better.")
    tilt = abs(float(face[K.MOUTH_LEFT, 1] - face[K.MOUTH_RIGHT, 1]))
    turn = abs(float(face[K.NOSE, 0] - (face[K.MOUTH_LEFT, 0] + face[K.MOUTH_RIGHT, 0]) / 2))
    if tilt > 0.035 or turn > 0.05:
        remarks.append("The face is turned aside; one that looks into the camera moves better.")
    x, y = canonical_grid(CANVAS)
    head = (np.hypot(x / 0.6, (y + 0.15) / 0.75) < 1.0) & (y < 0.4)
    if inside[_face_mask(face) > 0.5].mean() < 0.98:
        remarks.append("A part of the face is cut off; take a picture with all of it.")
    elif inside[head].mean() < 0.95:
        remarks.append("The picture ends close to the face; one with all of the hair looks better.")
    if unit < UNIT / 3:
        remarks.append("The face is small in the picture and will look soft.")
    return tuple(remarks)


def _skin(canvas: ImageArray, face: FloatArray) -> float:
    """Brightness, 0 to 255, of the lighter cheek."""
    smooth = cv2.blur(canvas, (25, 25)).max(-1)
    x, y = np.rint(to_pixels(face[[K.CHEEK_LEFT, K.CHEEK_RIGHT]])).astype(int).T
    return float(smooth[y, x].max())


def _joined(eyes: list[dict[str, ImageArray]]) -> dict[str, ImageArray]:
    """Both eyes in one set of layers: each has its half of the canvas."""
    left, right = eyes
    middle = int(PIVOT[0])
    return {
        name: np.concatenate([left[name][:, :middle], right[name][:, middle:]], 1) for name in left
    }


def _whole(canvas: ImageArray, face: FloatArray) -> dict[str, ImageArray]:
    """Layers of a picture whose head is not cut out: the face over all of it."""
    return {
        "plate": _layer(canvas, np.ones((CANVAS, CANVAS), np.float32)),
        "face": _layer(canvas, _face_mask(face)),
        "hair": np.zeros((CANVAS, CANVAS, 4), np.uint8),
    }


def _cut(cutout: Cutout, face: FloatArray) -> dict[str, ImageArray]:
    """Layers of a picture whose head is cut out: the face between what is behind and its rim."""
    x, y = canonical_grid(CANVAS)
    low = smoothstep(0.02, 0.14, y)
    # All of the jaw is face: it moves down as the mouth opens, to its edge.
    mask = np.maximum(_face_mask(face), jaw_zone(face) * low)
    # Where the face ends softly, its rim has all of it, but for the chin.
    chin = jaw_zone(face, 1.1) * low * smoothstep(NECK + 0.05, NECK, np.abs(x))
    rim = cutout.head * smoothstep(1.0, 0.6, np.maximum(mask, chin))
    return {
        "plate": _layer(cutout.behind, np.ones((CANVAS, CANVAS), np.float32)),
        "face": _layer(cutout.colour, cutout.head * smoothstep(0.0, 0.4, mask)),
        "hair": _layer(cutout.colour, rim),
    }


def _layer(colour: ImageArray, alpha: FloatArray) -> ImageArray:
    return np.dstack([colour, np.rint(alpha * 255).astype(np.uint8)])


def _face_mask(face: FloatArray) -> FloatArray:
    """Share [CANVAS, CANVAS] of the part of the face that expressions move."""
    chin = float(face[K.JAW, 1]) + CHIN
    top = max(float(face[K.FOREHEAD, 1]) - 0.10, -0.60)
    rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    x, y = (columns - PIVOT[0]) / UNIT, (rows - PIVOT[1]) / UNIT
    centre = -0.12
    reach = np.where(y > centre, chin - centre, centre - top)
    power = np.where(y > centre, 2.0, 2.6)
    radius = (np.abs(x / 0.345) ** 2.6 + np.abs((y - centre) / reach) ** power) ** (1 / 2.2)
    return smoothstep(1.0, 1.0 - 3 * EDGE, radius.astype(np.float32))


def _parting(relief: Relief, cutout: Cutout) -> dict[str, FloatArray]:
    """Maps for a head that is cut out: the neck bends, what is behind it stays."""
    x, y = grid(CANVAS, UNIT, PIVOT)
    maps = relief.maps(x, y)
    # Beside the face the rim has the depth of the face, and falls off more gently outside of it.
    aside = np.minimum(np.abs(x), RIM) + RIM_SLOPE * np.maximum(np.abs(x) - RIM, 0.0)
    rim = relief.face(aside.astype(np.float32), y)
    size = (len(x), len(x))
    # Softly, or what is beside the neck would fold.
    body = np.clip(cutout.person - cutout.head, 0.0, 1.0)
    body = cv2.resize(body, size, interpolation=cv2.INTER_AREA)
    body = cv2.GaussianBlur(cv2.dilate(body, np.ones((5, 5), np.uint8)), (0, 0), 2.5)
    neck = smoothstep(0.64, 0.22, y) * smoothstep(-0.35, 0.2, y) * smoothstep(0.75, 0.3, np.abs(x))
    maps |= {
        "face.depth": rim,
        "hair.depth": rim,
        "plate.depth": np.minimum(rim, -0.05),
        "plate.head": neck * body,
        "plate.body": maps["plate.body"] * body,
    }
    return {name: np.ascontiguousarray(values, np.float32) for name, values in maps.items()}


def _stretching(relief: Relief) -> dict[str, FloatArray]:
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
