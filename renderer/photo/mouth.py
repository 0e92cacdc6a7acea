"""The mouth of a picture: its lower lip without the line between the lips; teeth and tongue."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.library import BUILT_IN
from renderer.photo.canvas import CANVAS, to_pixels
from renderer.portrait import Portrait, read_portrait

LINE: Final = 7.0
"""Pixels below the seam that the dark line between the lips may reach."""
DENTURE: Final = "mira"
"""Built-in avatar whose teeth and tongue are fitted into the mouths of pictures."""
WHITE: Final = 226.0
"""Brightness of the white of that avatar's eyes."""


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


def denture(seam: FloatArray, brightness: float) -> dict[str, ImageArray]:
    """Teeth and tongue by layer name, fitted to a mouth.

    ``brightness`` is that of the white of the picture's eyes, 0 to 255.
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
        colour = np.clip(moved[..., :3].astype(np.float32) * light, 0, 255)
        layers[name] = np.dstack([np.rint(colour).astype(np.uint8), moved[..., 3]])
    return layers
