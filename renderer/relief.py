"""Depth of the layers and how much of the head's motion each place follows.

All maps are sampled on ``NODES x NODES`` points from corner to corner of the picture; depths are
in canonical units, shares are 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from motion.layout import FloatArray

NODES = 65
HAIR_THICKNESS = 0.012
"""Height of hair over the skull, in canonical units."""
BREATH_SHARE = 0.5
"""Share of the head's translation that the shoulders follow."""


def grid(picture: int, unit: float, pivot: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Canonical x and y of the nodes of a map; arguments as in a portrait."""
    pixels = np.linspace(0, picture, NODES, dtype=np.float32)
    x, y = np.meshgrid((pixels - pivot[0]) / unit, (pixels - pivot[1]) / unit)
    return x, y


def smoothstep(low: float, high: float, value: FloatArray) -> FloatArray:
    """A smooth rise from 0 at ``low`` to 1 at ``high``."""
    u = np.clip((value - low) / (high - low), 0.0, 1.0)
    step: FloatArray = (u * u * (3.0 - 2.0 * u)).astype(np.float32)
    return step


@dataclass(frozen=True)
class Relief:
    """Form of a head."""

    width: float = 0.37
    """Where, to the side, the face falls back to the plane of the ears."""
    hair_width: float = 0.50
    nose: float = 0.085
    """Height of the nose over the face around it."""
    nose_width: float = 0.055
    nose_drop: float = 0.055
    """How far down from its tip the nose falls back to the face."""
    falling_hair: bool = True
    """Whether hair hangs down beside the face, its ends following less; else it hugs the skull."""

    def face(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Height of the face over the plane of the ears at canonical ``x``, ``y``."""
        reach = np.where(y > -0.05, 0.66, 0.75)
        r2 = np.abs(x / self.width) ** 3.6 + ((y + 0.05) / reach) ** 2
        bump = np.where(y > 0.02, self.nose_drop, 0.15)
        nose = self.nose * np.exp(-((x / self.nose_width) ** 2) - ((y - 0.02) / bump) ** 2)
        depth: FloatArray = (0.28 * (1.0 - np.minimum(r2, 1.25)) + nose).astype(np.float32)
        return depth

    def maps(self, x: FloatArray, y: FloatArray) -> dict[str, FloatArray]:
        """The maps of the avatar by name; ``x`` and ``y`` are those of :func:`grid`."""
        if self.falling_hair:
            reach = np.where(y > -0.05, 1.2, 0.88)
            r2 = (x / self.hair_width) ** 2 + ((y + 0.05) / reach) ** 2
            hair_depth = (0.27 * (1.0 - np.minimum(r2, 1.5)) - 0.03).astype(np.float32)
            hair_head: FloatArray = 1.0 - np.float32(0.25) * smoothstep(0.2, 0.6, y)
            # The hair behind the neck moves with it. Far out a tilt takes it far, so it comes to
            # rest over a wider way, or it would fold.
            inner, outer, top, full = 0.44, 0.70, -0.10, 0.24
        else:
            hair_depth = replace(self, width=self.hair_width).face(x, y) + HAIR_THICKNESS
            hair_head = np.ones_like(y)
            inner, outer, top, full = 0.30, 0.54, 0.02, 0.20
        plate_depth = -0.05 - 0.10 * smoothstep(0.17, 0.40, np.abs(x))
        near = smoothstep(outer, inner, np.abs(x)) * smoothstep(top, full, y)
        plate_head = near * smoothstep(0.64, 0.22, y)
        shoulder = np.interp(
            np.abs(x), [0.0, 0.19, 0.46, 0.75, 0.88], [0.55, 0.55, 0.64, 0.80, 1.0]
        )
        plate_body = BREATH_SHARE * smoothstep(-0.12, 0.0, y - shoulder.astype(np.float32))
        maps = {
            "face.depth": self.face(x, y),
            "hair.depth": hair_depth,
            "hair.head": hair_head,
            "plate.depth": plate_depth,
            "plate.head": plate_head,
            "plate.body": plate_body,
        }
        return {name: np.ascontiguousarray(m, dtype=np.float32) for name, m in maps.items()}
