"""The lower lip of a picture, without the line between the lips."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.canvas import CANVAS, to_pixels

LINE: Final = 7.0
"""Pixels below the seam that the dark line between the lips may reach."""


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
