"""The picture on the canvas of a portrait: eyes level, normalised in size, lips closed."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.points import Placement

CANVAS: Final = 1024
UNIT: Final = 512.0
PIVOT: Final = (512.0, 536.0)
"""The portrait's ``picture``, ``unit`` and ``pivot``; leaves room for hair above."""
SOFT: Final = 36.0
"""Pixels over which the picture's edge is blended into the continuation beyond it."""

K = Keypoint


def to_pixels(places: FloatArray) -> FloatArray:
    """Pixels [..., 2] of the canvas of canonical ``places``."""
    result: FloatArray = places * np.float32(UNIT) + np.array(PIVOT, np.float32)
    return result


def canonical_grid(count: int) -> tuple[FloatArray, FloatArray]:
    """Canonical x and y [count, count] of the pixels of a canvas of that size."""
    pixels = (np.arange(count, dtype=np.float32) + 0.5) * (CANVAS / count)
    x, y = np.meshgrid((pixels - PIVOT[0]) / UNIT, (pixels - PIVOT[1]) / UNIT)
    return x.astype(np.float32), y.astype(np.float32)


def on_canvas(picture: ImageArray, face: Placement) -> tuple[ImageArray, FloatArray]:
    """``picture`` as BGR [CANVAS, CANVAS, 3] with the face at its place.

    Beyond its edges the picture is continued with the colours at them. The second result
    [CANVAS, CANVAS] is 1 inside of the picture and 0 beyond, with a soft edge.
    """
    shrink = max(face.unit / UNIT / 1.5, 1.0)
    if shrink > 1.0:
        picture = np.asarray(
            cv2.resize(picture, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA),
            np.uint8,
        )
    turn = face.turn.T / shrink / UNIT
    shift = face.origin / shrink - turn @ np.array(PIVOT, np.float32)
    affine = np.concatenate([turn, shift[:, None]], 1).astype(np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (CANVAS, CANVAS)
    placed = cv2.warpAffine(picture, affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    covered = np.full(picture.shape[:2], 255, np.uint8)
    shown = cv2.warpAffine(covered, affine, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    if shown.all():
        return np.asarray(placed, np.uint8), np.ones(size, np.float32)
    # The canvas' own edges are no edges of the picture.
    framed = cv2.copyMakeBorder(shown, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    share = np.clip(distance / SOFT, 0.0, 1.0).astype(np.float32)
    beyond = filled(np.asarray(placed, np.uint8), np.where(distance > 2.0, 1.0, 0.0))
    blended = placed * share[..., None] + beyond * (1.0 - share[..., None])
    return np.rint(blended).astype(np.uint8), share


def filled(picture: ImageArray, known: npt.NDArray[np.floating[Any]]) -> ImageArray:
    """``picture`` with its unknown pixels inpainted from their surroundings, smoother inwards."""
    weighted = [np.dstack([picture * known[..., None], known]).astype(np.float32)]
    while min(weighted[-1].shape[:2]) > 4:
        weighted.append(np.asarray(cv2.pyrDown(weighted[-1]), np.float32))
    result = weighted[-1][..., :3] / np.maximum(weighted[-1][..., 3:], 1e-6)
    for level in weighted[-2::-1]:
        height, width = level.shape[:2]
        coarse = cv2.pyrUp(result, dstsize=(width, height))
        share = np.minimum(level[..., 3:], 1.0)
        result = level[..., :3] + (1.0 - share) * coarse
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)


def close_lips(canvas: ImageArray, face: FloatArray) -> tuple[ImageArray, FloatArray]:
    """Close an open mouth: moves the jaw up and removes the inside of the mouth.

    Takes and returns the canvas and canonical keypoints [21, 2].
    """
    gap = float(face[K.LOWER_INNER, 1] - face[K.UPPER_INNER, 1])
    if gap <= 0.0:
        return canvas, face
    middle, half = face[K.UPPER_INNER, 0], (face[K.MOUTH_RIGHT, 0] - face[K.MOUTH_LEFT, 0]) / 2
    seam = seam_of(face)
    end = float(face[K.JAW, 1]) + 0.12
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    across = (x - PIVOT[0]) / UNIT - middle
    down = (y - PIVOT[1]) / UNIT
    line = np.interp((x[0] - PIVOT[0]) / UNIT, seam[:, 0], seam[:, 1])
    below = down - line

    def lift(below: FloatArray, down: FloatArray) -> FloatArray:
        fade = np.clip((end - down) / (end - float(face[K.LOWER_INNER, 1])), 0.0, 1.0)
        share: FloatArray = np.where(below > 0, fade * fade * (3 - 2 * fade), 0.0)
        return share

    width = np.maximum(1.0 - (np.abs(across) / (1.35 * half)) ** 2, 0.0)
    moved = gap * width * lift(below, down)
    source_y = y + (moved * UNIT).astype(np.float32)
    closed = cv2.remap(canvas, x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    face = face.copy()
    for key in (K.LOWER_OUTER, K.JAW):
        place = np.array(face[key, 1], np.float32)
        face[key, 1] -= gap * float(lift(np.array(1.0, np.float32), place))
    face[K.LOWER_INNER] = face[K.UPPER_INNER]
    return np.asarray(closed, np.uint8), face


def seam_of(face: FloatArray) -> FloatArray:
    """Line [41, 2] on which the lips meet, smooth through five keypoints of ``face [21, 2]``."""
    knots = face[[K.MOUTH_LEFT, K.UPPER_LEFT, K.UPPER_INNER, K.UPPER_RIGHT, K.MOUTH_RIGHT]]
    x = np.linspace(knots[0, 0], knots[-1, 0], 41)
    fit = np.polynomial.Polynomial.fit(knots[:, 0], knots[:, 1], 4)
    straight = np.interp(x, knots[:, 0], knots[:, 1])
    # A polynomial through uneven points may overshoot between them.
    y = np.clip(fit(x), straight - 0.012, straight + 0.012)
    return np.stack([x, y], 1).astype(np.float32)
