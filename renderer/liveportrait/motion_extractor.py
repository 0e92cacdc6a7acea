"""M: canonical keypoints and motion of a portrait, a ConvNeXt V2 (arXiv 2301.00808)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

DEPTHS = (3, 3, 9, 3)
WIDTHS = (96, 192, 384, 768)
HEADS = {"kp": 63, "exp": 63, "scale": 1, "t": 3, "pitch": 66, "yaw": 66, "roll": 66}
"""Outputs and their sizes; the angles are logits over 66 bins of 3 degrees."""


class MotionExtractor(nn.Module):
    """ConvNeXt V2 tiny with one linear layer for all outputs."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, WIDTHS[0], 4, stride=4), ChannelNorm(WIDTHS[0]))
        between = (
            nn.Sequential(ChannelNorm(width), nn.Conv2d(width, after, 2, stride=2))
            for width, after in pairwise(WIDTHS)
        )
        self.downsample = nn.ModuleList([stem, *between])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for depth, width in zip(DEPTHS, WIDTHS, strict=True)
        )
        self.norm = nn.LayerNorm(WIDTHS[-1], eps=1e-6)
        self.heads = nn.Linear(WIDTHS[-1], sum(HEADS.values()))

    def forward(self, image: Tensor) -> Tensor:
        """RGB ``image [B, 3, 256, 256]`` in 0..1 -> all heads, concatenated [B, 328]."""
        x = image
        for downsample, stage in zip(self.downsample, self.stages, strict=True):
            x = stage(downsample(x))
        heads: Tensor = self.heads(self.norm(x.mean((2, 3))))
        return heads


def split_heads(heads: Tensor) -> dict[str, Tensor]:
    """The outputs [B, size] of :data:`HEADS` by name."""
    parts = torch.split(heads, list(HEADS.values()), dim=1)
    return dict(zip(HEADS, parts, strict=True))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.grn = GlobalResponseNorm(4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.pwconv2(self.grn(F.gelu(self.pwconv1(y))))
        out: Tensor = x + y.permute(0, 3, 1, 2)
        return out


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of [B, C, H, W]."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class GlobalResponseNorm(nn.Module):
    """Channels of [B, H, W, C] in competition, by their energy over the picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        energy = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        response = energy / (energy.mean(-1, keepdim=True) + 1e-6)
        out: Tensor = self.gamma * (x * response) + self.beta + x
        return out
