"""A face turned upright, its eyes a known distance apart.

Lengths are in distances of the eyes: x to the right and y down the face, from the middle between
the pupils.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.points import Placement

PIXELS: Final = 100
"""Pixels of an eye distance."""
SIDES: Final = 1.2
ABOVE: Final = 0.5
BELOW: Final = 1.9
"""How far it goes from the middle between the pupils."""


def between_eyes(left: FloatArray, right: FloatArray) -> Placement:
    """Where a face with pupils at these pixels [2] lies, in eye distances."""
    x = right - left
    turn = np.array([x, (-x[1], x[0])], np.float32)
    return Placement(turn, ((left + right) / 2).astype(np.float32))


@dataclass(frozen=True, slots=True)
class UprightFace:
    """What is seen in the frame of :func:`between_eyes`."""

    lab: FloatArray
    """[h, w, 3]: brightness from 0, two chroma channels around 0."""

    @classmethod
    def of(cls, picture: ImageArray, eyes: Placement) -> UprightFace:
        """The face in BGR ``picture [h, w, 3]``."""
        x, y = np.meshgrid(
            np.arange(-SIDES, SIDES, 1 / PIXELS), np.arange(-ABOVE, BELOW, 1 / PIXELS)
        )
        places = eyes.pixels(np.stack([x, y], -1).astype(np.float32))
        # What the picture has more of is averaged, not skipped.
        blur = 0.5 * eyes.unit / PIXELS
        soft = cv2.GaussianBlur(picture, (0, 0), max(blur, 0.3))
        face = cv2.remap(soft, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        lab = cv2.cvtColor(cv2.GaussianBlur(face, (0, 0), 1.2), cv2.COLOR_BGR2LAB)
        return cls((lab - np.array((0, 128, 128), np.float32)).astype(np.float32))

    def part(self, x: tuple[float, float], y: tuple[float, float]) -> FloatArray:
        """What lies between two x and two y."""
        return self.lab[
            round((y[0] + ABOVE) * PIXELS) : round((y[1] + ABOVE) * PIXELS),
            round((x[0] + SIDES) * PIXELS) : round((x[1] + SIDES) * PIXELS),
        ]

    def blurred(self, radius: float) -> UprightFace:
        """The same without what is smaller than ``radius``."""
        return UprightFace(
            np.asarray(cv2.GaussianBlur(self.lab, (0, 0), radius * PIXELS), np.float32)
        )

    def skin(self) -> FloatArray:
        """The usual colour [3] of the cheeks."""
        cheeks = [self.part((x - 0.08, x + 0.08), (0.52, 0.68)) for x in (-0.45, 0.45)]
        colour: FloatArray = np.median(np.concatenate(cheeks).reshape(-1, 3), 0)
        return colour
