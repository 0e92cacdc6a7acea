"""Long clips from a network of fixed windows, as released: overlap, smoothing, fuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from motion.layout import SCALE

SampleWindow = Callable[[int, Tensor, Tensor], Tensor]
"""(window index, its audio [1, N, ...], previous motion [1, 1, 70]) -> motion [1, N, 70]."""


@dataclass(frozen=True, slots=True)
class Windowing:
    """Windows of ``length`` frames that overlap by ``overlap``."""

    length: int = 80
    overlap: int = 16

    @property
    def stride(self) -> int:
        return self.length - self.overlap

    def count(self, frames: int) -> int:
        """Windows that cover ``frames``."""
        return max(1, math.ceil((frames - self.length) / self.stride) + 1)


RELEASED: Final = Windowing()


def generate_clip(
    audio: Tensor, previous: Tensor, sample: SampleWindow, windowing: Windowing = RELEASED
) -> Tensor:
    """Normalised motion [T, 70] of a whole clip from ``audio [T, ...]``.

    ``previous`` [1, 1, 70] is the normalised motion before the clip; for later windows it is
    the smoothed frame before their overlap ends. Raises ValueError for a clip without frames.
    """
    frames = len(audio)
    if not frames:
        raise ValueError("a clip has at least one frame")
    count = windowing.count(frames)
    missing = windowing.length + windowing.stride * (count - 1) - frames
    padded = torch.cat([audio, audio.new_zeros(missing, *audio.shape[1:])])

    clip = padded.new_zeros(0, previous.shape[-1])
    for i in range(count):
        start = i * windowing.stride
        window = sample(i, padded[None, start : start + windowing.length], previous)
        window = smooth_pose(window[0])
        previous = window[None, windowing.stride - 1 : windowing.stride]
        clip = fuse(clip, window[: frames - start], windowing.overlap if i else 0)
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
