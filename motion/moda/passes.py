"""The evaluations of the causal network that guidance needs for a batch of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.contract import Controls
from motion.layout import FloatArray

GUIDANCE: Final = 1.2
"""Default weight of guidance: lips open as wide as in the data instead of 0.8 of it, with no loss
of accuracy."""

_CALM: Final = ("none", "neutral")


@dataclass(frozen=True, slots=True)
class Pass:
    """One evaluation for a chunk, perhaps without one of its conditions (paper eq. 8)."""

    chunk: int
    weight: float
    """Of its velocity in the sum."""
    audio: bool = True
    emotion: bool = True


def guidance_passes(controls: Sequence[Controls]) -> list[Pass]:
    """All evaluations that chunks with these ``controls`` need in each step."""
    passes: list[Pass] = []
    for i, wanted in enumerate(controls):
        more = (wanted.guidance or GUIDANCE) - 1.0
        mood = 0.0 if wanted.emotion in _CALM else more * wanted.intensity
        passes.append(Pass(i, 1.0 + more + mood))
        if more > 0.0:
            passes.append(Pass(i, -more, audio=False))
        if mood > 0.0:
            passes.append(Pass(i, -mood, emotion=False))
    return passes


def pass_weights(passes: Sequence[Pass], chunks: int) -> FloatArray:
    """Weights [chunks, passes] that sum the velocities of the passes to those of the chunks."""
    weights = np.zeros((chunks, len(passes)), np.float32)
    for column, one in enumerate(passes):
        weights[one.chunk, column] = one.weight
    return weights
