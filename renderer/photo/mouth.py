"""The mouth of a picture: its lower lip without the line between the lips; teeth and tongue."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.library import BUILT_IN
from renderer.photo.canvas import CANVAS, to_pixels
from renderer.portrait import Portrait, read_portrait

K = Keypoint

LINE: Final = 7.0
"""Pixels below the seam that the dark line between the lips may reach."""
DENTURE: Final = "mira"
"""Built-in avatar whose teeth and tongue are fitted into the mouths of pictures."""
WHITE: Final = 226.0
"""Brightness of the white of that avatar's eyes."""
FEWEST: Final = 150
"""Pixels of teeth that must show for their colour to be believed."""


def lower_lip(canvas: ImageArray, seam: FloatArray) -> ImageArray:
    """The moist edge of the lower lip: the lip just below the line, mirrored over it."""
    line = to_pixels(seam)
    rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    below = rows - np.interp(columns[0], line[:, 0], line[:, 1]).astype(np.float32)
    taken = cv2.remap(canvas, columns, rows + 2 * np.maximum(LINE - below, 0), cv2.INTER_LINEAR)
    shade = 1.0 - 0.30 * np.clip(1.0 - below / 3.5, 0.0, 1.0)
    colour = np.clip(np.rint(taken * shade[..., None]), 0, 255).astype(np.uint8)
    half = (line[-1, 0] - line[0, 0]) / 2
    inside = np.minimum(columns - line[0, 0], line[-1, 0] - columns)
    alpha = np.clip((LINE + 1 - below) / 3, 0.0, 1.0) * np.clip((below + 14) / 3, 0.0, 1.0)
    alpha = alpha * np.clip((inside - 0.06 * half) / (0.3 * half), 0.0, 1.0)
    return np.dstack([colour, np.rint(alpha * 255).astype(np.uint8)])


@cache
def _denture() -> Portrait:
    return read_portrait(BUILT_IN / DENTURE)


@cache
def _usual_teeth() -> FloatArray:
    """BGR [3] of the denture's teeth."""
    layer = _denture().layers["upper_teeth"]
    usual: FloatArray = np.median(_teeth(layer[layer[..., 3] > 200][:, :3]), 0)
    return usual


def _teeth(pixels: npt.NDArray[np.generic]) -> FloatArray:
    """Those of BGR ``pixels [n, 3]`` that are teeth: lips are redder, all else is darker."""
    pixels = pixels.astype(np.float32)
    most, least = pixels.max(1), pixels.min(1)
    teeth: FloatArray = pixels[(most > 90) & (least > 0.62 * most)]
    return teeth


def teeth_colour(canvas: ImageArray, face: FloatArray) -> FloatArray | None:
    """BGR [3] of the teeth that show between open lips; None if there are none to see."""
    left, right, upper, lower = to_pixels(
        face[[K.MOUTH_LEFT, K.MOUTH_RIGHT, K.UPPER_INNER, K.LOWER_INNER]]
    )
    top, bottom = round(float(upper[1])), round(float(lower[1]))
    inset = 0.3 * (right[0] - left[0]) / 2
    columns = slice(round(float(left[0] + inset)), round(float(right[0] - inset)))
    shown = canvas[top:bottom, columns].reshape(-1, 3)
    if len(shown) < FEWEST:
        return None
    teeth = _teeth(shown)
    return np.median(teeth, 0).astype(np.float32) if len(teeth) >= FEWEST else None


def denture(
    seam: FloatArray, brightness: float, teeth: FloatArray | None = None
) -> dict[str, ImageArray]:
    """Teeth and tongue by layer name, fitted to a mouth.

    ``brightness`` is that of the white of the picture's eyes, 0 to 255; ``teeth`` the colour of
    its own teeth, BGR [3], where they show.
    """
    model = _denture()
    line, usual = to_pixels(seam), model.seam * model.unit + np.array(model.pivot, np.float32)
    scale = float((line[-1, 0] - line[0, 0]) / (usual[-1, 0] - usual[0, 0]))
    middle, model_middle = line[len(line) // 2], usual[len(usual) // 2]
    affine = np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    affine[:, 2] = middle - scale * model_middle
    light = float(np.clip(brightness / WHITE, 0.55, 1.05))
    layers = {}
    for name in ("upper_teeth", "lower_teeth", "tongue"):
        moved = cv2.warpAffine(model.layers[name], affine, (CANVAS, CANVAS), flags=cv2.INTER_AREA)
        moved = np.asarray(moved, np.uint8)
        tone = np.full(3, light, np.float32)
        if teeth is not None and name != "tongue":
            tone = np.clip(teeth / _usual_teeth(), 0.4, 1.15)
        colour = np.clip(moved[..., :3].astype(np.float32) * tone, 0, 255)
        layers[name] = np.dstack([np.rint(colour).astype(np.uint8), moved[..., 3]])
    return layers
