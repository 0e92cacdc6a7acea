"""F: the appearance of a portrait as a volume of features."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

DEPTH = 16
CHANNELS = 32


class AppearanceExtractor(nn.Module):
    """Picture to feature volume; batch norms are folded into the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 64, 3, padding=1)
        self.down = nn.ModuleList(
            [nn.Conv2d(64, 128, 3, padding=1), nn.Conv2d(128, 256, 3, padding=1)]
        )
        self.second = nn.Conv2d(256, CHANNELS * DEPTH, 1)
        self.residual = nn.Sequential(*(ResidualBlock() for _ in range(6)))

    def forward(self, image: Tensor) -> Tensor:
        """RGB ``image [B, 3, 256, 256]`` in 0..1 -> volume [B, 32, 16, 64, 64]."""
        x = F.relu(self.first(image))
        for down in self.down:
            x = F.avg_pool2d(F.relu(down(x)), 2)
        x = self.second(x)
        volume: Tensor = self.residual(x.view(-1, CHANNELS, DEPTH, *x.shape[2:]))
        return volume


class ResidualBlock(nn.Module):
    """Pre-activation block of two 3-D convolutions; the first norm stays a scale and a shift."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(CHANNELS))
        self.shift = nn.Parameter(torch.zeros(CHANNELS))
        self.conv1 = nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1)
        self.conv2 = nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = (p.view(-1, 1, 1, 1) for p in (self.scale, self.shift))
        out: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x * scale + shift))))
        return out
