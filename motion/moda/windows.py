"""Long clips from a network of fixed windows, as released: overlap, smoothing, cross-fade."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from motion.layout import SCALE

SampleWindow = Callable[[int, Tensor, Tensor], Tensor]
"""(window index, its audio [1, N, ...], previous motion [1, 1, 70]) -> motion [1, N, 70]."""

WINDOW: Final = 80
"""Frames of a window."""
OVERLAP: Final = 16
"""Frames that a window shares with the one before."""
_STRIDE: Final = WINDOW - OVERLAP


def window_count(frames: int) -> int:
    """Windows that cover ``frames``."""
    return max(1, math.ceil((frames - WINDOW) / _STRIDE) + 1)


def generate_clip(audio: Tensor, previous: Tensor, sample: SampleWindow) -> Tensor:
    """Normalised motion [T, 70] of a whole clip from ``audio [T, ...]``.

    ``previous`` [1, 1, 70] is the normalised motion before the clip; for later windows it is
    the smoothed frame before their overlap ends. Raises ValueError for a clip without frames.
    """
    frames = len(audio)
    if not frames:
        raise ValueError("a clip has at least one frame")
    count = window_count(frames)
    missing = WINDOW + _STRIDE * (count - 1) - frames
    padded = torch.cat([audio, audio.new_zeros(missing, *audio.shape[1:])])

    clip = padded.new_zeros(0, previous.shape[-1])
    for i in range(count):
        start = i * _STRIDE
        window = sample(i, padded[None, start : start + WINDOW], previous)
        window = smooth_pose(window[0])
        previous = window[None, _STRIDE - 1 : _STRIDE]
        clip = fuse(clip, window[: frames - start], OVERLAP if i else 0)
    return smooth_pose(clip)


def smooth_pose(motion: Tensor) -> Tensor:
    """``motion [T, 70]`` with scale, translation and angles averaged over three frames (two at the
    ends)."""
    pose = motion[:, SCALE:].T[None]
    mean = F.avg_pool1d(pose, 3, stride=1, padding=1, count_include_pad=False)
    return torch.cat([motion[:, :SCALE], mean[0].T], dim=1)


def fuse(clip: Tensor, window: Tensor, overlap: int) -> Tensor:
    """``clip [T, 70]`` continued by ``window [n, 70]``, cross-faded over ``overlap`` frames."""
    if not overlap:
        return torch.cat([clip, window])
    weight = (torch.arange(overlap, device=clip.device) / overlap)[:, None]
    seam = torch.lerp(clip[-overlap:], window[:overlap], weight)
    return torch.cat([clip[:-overlap], seam, window[overlap:]])
