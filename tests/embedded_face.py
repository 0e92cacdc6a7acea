"""What the tests of the renderer share: the avatar that ships, marked copies of it, motions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import PITCH, ROLL, SCALE, TRANSLATION, YAW, FloatArray, expression
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.layer import Layer
from renderer.library import open_avatar
from renderer.shapes import BROWS, MOUTHS, motion_of, mouth_motion

GREEN = (0, 255, 0, 255)
"""A colour that no portrait has, BGRA."""


@cache
def mira(size: int = 512) -> EmbeddedAvatar:
    return open_avatar("mira", size)


def blank(layer: Layer) -> Layer:
    """The same place with nothing drawn."""
    return replace(layer, pixels=np.zeros_like(layer.pixels))


def painted(pixels: ImageArray) -> ImageArray:
    """The same shape in green; premultiplied."""
    alpha = pixels[..., 3:].astype(np.uint16)
    return (alpha * np.array(GREEN, np.uint16) // 255).astype(np.uint8)


def natural_motions(count: int, seed: int = 0) -> FloatArray:
    """Motion [count, 70]: mixtures of the named shapes under head poses up to 15 degrees."""
    rng = np.random.default_rng(seed)
    mouths = list(MOUTHS)
    brows = list(BROWS.values())
    frames = []
    for _ in range(count):
        share = rng.uniform()
        first, second = (mouth_motion(mouths[rng.integers(len(mouths))])[0] for _ in range(2))
        frame = share * first + (1 - share) * second
        frame += rng.uniform(-0.3, 1) * (motion_of(brows[rng.integers(len(brows))])[0])
        expression(frame)[Keypoint.CHEEK_LEFT, 1] += rng.uniform(-0.01, 0.005)
        expression(frame)[Keypoint.NOSE] += rng.uniform(-0.006, 0.006, 3)
        frame[SCALE] = rng.uniform(0.97, 1.04)
        frame[TRANSLATION] = rng.uniform(-0.02, 0.02, 3)
        frame[[PITCH, YAW, ROLL]] = rng.uniform(-15, 15, 3)
        frames.append(frame)
    return np.array(frames, np.float32)


def greenness(rgb: ImageArray) -> FloatArray:
    """Share [h, w] of :data:`GREEN` in each pixel; the plants in the room do not count."""
    values = rgb.astype(np.float32)
    excess = values[..., 1] - np.maximum(values[..., 0], values[..., 2])
    return np.where(excess > 25.0, excess / 255.0, 0.0).astype(np.float32)
