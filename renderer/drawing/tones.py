"""Skins and lips of any colour from one set of drawing instructions.

The drawing names its colours as they are on light skin. :class:`Tones` maps each of them to another
complexion by its lightness, shadows to shadows and lights to lights, and keeps in proportion what
makes the colour redder or greyer than the skin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from motion.layout import FloatArray

LIGHT_SKIN = (
    "#2a1008",
    "#743a2f",
    "#a9614b",
    "#cf8f72",
    "#e9b497",
    "#f5cdb3",
    "#ffe3cf",
    "#ffffff",
)
"""Colours of the skin that the drawing is written for, from shadow to light."""
ROSE_LIPS = ("#631f20", "#a44746", "#c45f5a", "#d9796e", "#eb9c90", "#ffe6d6", "#ffffff")


def _rgb(code: str) -> FloatArray:
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def _lightness(rgb: FloatArray) -> float:
    return float(rgb @ np.array((0.299, 0.587, 0.114), np.float32))


@dataclass(frozen=True)
class Tones:
    """Maps colours of a drawing from the tones ``written`` to as many tones ``worn``."""

    written: Sequence[str] = LIGHT_SKIN
    worn: Sequence[str] = LIGHT_SKIN

    def __call__(self, code: str) -> str:
        """The colour that replaces ``code`` (``#rrggbb``)."""
        if tuple(self.written) == tuple(self.worn):
            return code
        rgb = _rgb(code)
        light = _lightness(rgb)
        keys = [_lightness(_rgb(tone)) for tone in self.written]
        old, new = (
            np.array([np.interp(light, keys, channel) for channel in np.stack(ramp, 1)])
            for ramp in ([_rgb(t) for t in self.written], [_rgb(t) for t in self.worn])
        )
        strength = _lightness(new) / max(_lightness(old), 1.0)
        result = np.clip(np.rint(new + (rgb - old) * strength), 0, 255).astype(int)
        return "#" + "".join(f"{v:02x}" for v in result)

    def all(self, *codes: str) -> list[str]:
        """What replaces each of ``codes``."""
        return [self(code) for code in codes]
