"""Whether anything in a picture jumps where the motion does not."""

from __future__ import annotations

import itertools
from typing import cast

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer

GLIDE, SUBSTEPS = 0.06, 8
"""Share of the way from one motion to the next in which jumps are looked for, and its parts."""
BLOCK = 8
"""Size in pixels of the blocks whose mean brightness is watched."""
COARSE, FINE = 4, 32
"""Parts of the way between two frames of speech: for all of them, and where most happens."""
SUSPECTS = 12
"""Frames of speech in which most happens."""


def largest_jump(avatar: EmbeddedAvatar, motion: FloatArray) -> float:
    """Largest change of a block in one substep, beyond its usual change, in levels of 255.

    From each of ``motion [n, 70]`` the face glides a little towards the next. A layer that appears
    from one picture to the next makes tens of levels.
    """
    glides = [
        (before, before + GLIDE * (after - before)) for before, after in itertools.pairwise(motion)
    ]
    return max((_jump(avatar, start, end, SUBSTEPS) for start, end in glides), default=0.0)


def largest_speech_jump(avatar: EmbeddedAvatar, motion: FloatArray) -> float:
    """The same over the whole of a clip ``[n, 70]``, whose frames are joined by fine substeps.

    The finer the substeps, the smaller the changes that the motion explains; jumps stay.
    """
    frames = list(itertools.pairwise(np.asarray(motion)))
    jumps = [_jump(avatar, start, end, COARSE) for start, end in frames]
    suspects = np.argsort(jumps)[-SUSPECTS:].tolist()
    finely = [_jump(avatar, start, end, FINE) for start, end in (frames[i] for i in suspects)]
    return max(finely, default=0.0)


def _jump(avatar: EmbeddedAvatar, start: FloatArray, end: FloatArray, substeps: int) -> float:
    shares = np.linspace(0, 1, substeps + 1, dtype=np.float32)[:, None]
    luma = EmbeddedRenderer().render(avatar, start + shares * (end - start))[:, : avatar.size]
    steps = np.abs(np.diff(np.stack([_block_means(frame) for frame in luma]), axis=0))
    return float((steps.max(0) - np.median(steps, axis=0)).max())


def _block_means(luma: ImageArray) -> FloatArray:
    side = len(luma) // BLOCK
    means = cv2.resize(luma.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return cast(FloatArray, means)
