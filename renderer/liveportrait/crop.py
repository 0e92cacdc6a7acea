"""The square crop of a face that the networks see, and the way back into the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.layout import FloatArray
from renderer.contract import ImageArray

Points = npt.NDArray[np.floating]

CROP_SIZE: Final = 512
NETWORK_SIZE: Final = 256

_LANDMARKS: Final = {
    106: ((33, 35, 40, 39), (87, 89, 94, 93), (52, 61)),
    203: ((0, 6, 12, 18), (24, 30, 36, 42), (48, 66)),
    68: ((36, 39), (42, 45), (48, 54)),
    5: ((0,), (1,), (3, 4)),
}
"""For each landmark scheme the indices of both eyes and of the corners of the mouth."""

_SCALE: Final = 2.3
"""Size of a crop relative to the larger side of the box around the landmarks."""
_SHIFT: Final = -0.125
"""How far the crop is moved down the face, relative to its size."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A rotated square around a face."""

    centre: tuple[float, float]
    size: float
    angle: float
    """Radians by which the face is turned in the picture."""

    @property
    def to_crop(self) -> FloatArray:
        """Similarity [2, 3] from pixels of the picture to pixels of the 512 crop."""
        scale = CROP_SIZE / self.size
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        x, y = self.centre
        half = CROP_SIZE / 2
        rows = [[cos, sin, half - cos * x - sin * y], [-sin, cos, half + sin * x - cos * y]]
        return np.array(rows, np.float32)

    @property
    def to_picture(self) -> npt.NDArray[np.float64]:
        """The inverse [2, 3] of :attr:`to_crop`."""
        square = np.vstack([self.to_crop, [0, 0, 1]])
        inverse: npt.NDArray[np.float64] = np.linalg.inv(square)[:2]
        return inverse

    def cut(self, picture: ImageArray) -> ImageArray:
        """The crop [512, 512, 3] of ``picture [H, W, 3]``."""
        size = (CROP_SIZE, CROP_SIZE)
        return np.asarray(
            cv2.warpAffine(picture, self.to_crop, size, flags=cv2.INTER_LINEAR), np.uint8
        )


def find_crop(landmarks: Points, *, rotate: bool = True) -> Crop:
    """The crop around a face with ``landmarks`` [106, 203, 68 or 5 points, 2] in pixels.

    It is upright unless it may ``rotate`` with the face. Raises ValueError for another number of
    landmarks.
    """
    try:
        *eyes, mouth = _LANDMARKS[len(landmarks)]
    except KeyError:
        raise ValueError(f"no landmark scheme has {len(landmarks)} points") from None
    points = landmarks.astype(np.float64)
    down = _unit(
        points[list(mouth)].mean(0) - np.mean([points[list(eye)].mean(0) for eye in eyes], axis=0)
    )
    right = np.array([down[1], -down[0]])
    axes = np.stack([right, down], axis=1)

    mean = points.mean(axis=0)
    turned = (points - mean) @ axes
    low, high = turned.min(axis=0), turned.max(axis=0)
    size = float((high - low).max()) * _SCALE
    centre = mean + axes @ ((low + high) / 2) + down * _SHIFT * size
    angle = float(np.arctan2(right[1], right[0])) if rotate else 0.0
    return Crop((float(centre[0]), float(centre[1])), size, angle)


def _unit(vector: Points) -> Points:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-3 else np.array([0.0, 1.0])


def network_input(crop: ImageArray) -> FloatArray:
    """The 512 ``crop`` as F and M take it: RGB [1, 3, 256, 256] in 0..1."""
    small = cv2.resize(crop, (NETWORK_SIZE, NETWORK_SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).transpose(2, 0, 1)[None] / np.float32(255)


@dataclass(frozen=True, slots=True)
class Paste:
    """Puts pictures of a crop back into the picture it was cut from."""

    crop: Crop
    picture: ImageArray
    """[H, W, 3]"""
    mask: FloatArray
    """Weight of the crop in the picture [H, W, 1], 0..1."""

    @classmethod
    def prepare(cls, crop: Crop, picture: ImageArray) -> Paste:
        """Warp the feathered mask once."""
        height, width = picture.shape[:2]
        mask = cv2.warpAffine(feathered_mask(), crop.to_picture, (width, height))
        return cls(crop, picture, np.asarray(mask, np.float32)[..., None])

    def __call__(self, generated: ImageArray) -> ImageArray:
        """The whole picture [H, W, 3] with ``generated [512, 512, 3]`` in its place."""
        height, width = self.picture.shape[:2]
        warped = cv2.warpAffine(generated, self.crop.to_picture, (width, height))
        mixed = self.mask * warped + (1 - self.mask) * self.picture
        return np.clip(mixed, 0, 255).astype(np.uint8)


def feathered_mask() -> FloatArray:
    """Weights [512, 512] of a crop: 1, falling to 0 over the last 16 pixels before its border."""
    edge = np.minimum(np.arange(CROP_SIZE), np.arange(CROP_SIZE)[::-1]).astype(np.float32)
    ramp = np.clip(edge / 16, 0, 1)
    return np.minimum.outer(ramp, ramp).astype(np.float32)
