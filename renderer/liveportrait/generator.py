"""G: warped features to a picture, with SPADE blocks (arXiv 1903.07291)."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

HIDDEN = 128
"""Channels between the segmentation and a SPADE's gamma and beta."""


class SpadeBlock(nn.Module):
    """Residual block whose norms take their scale and shift from the warped features."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        middle = min(channels, out)
        self.gamma_beta_0 = nn.Conv2d(HIDDEN, 2 * channels, 3, padding=1)
        self.gamma_beta_1 = nn.Conv2d(HIDDEN, 2 * middle, 3, padding=1)
        self.conv_0 = nn.Conv2d(channels, middle, 3, padding=1)
        self.conv_1 = nn.Conv2d(middle, out, 3, padding=1)
        self.norms = 2
        if channels != out:
            self.gamma_beta_s = nn.Conv2d(HIDDEN, 2 * channels, 3, padding=1)
            self.conv_s = nn.Conv2d(channels, out, 1, bias=False)
            self.norms = 3

    def forward(self, x: Tensor, hidden: tuple[Tensor, ...]) -> Tensor:
        """``x [B, channels, H, W]`` and one ``hidden [B, 128, H, W]`` for each norm."""
        normal = F.instance_norm(x)
        y = self.conv_0(_activate(_modulate(normal, self.gamma_beta_0(hidden[0]))))
        y = self.conv_1(_activate(_modulate(F.instance_norm(y), self.gamma_beta_1(hidden[1]))))
        if self.norms == 3:
            x = self.conv_s(_modulate(normal, self.gamma_beta_s(hidden[2])))
        out: Tensor = x + y
        return out


class SpadeStage(nn.Module):
    """Blocks at one resolution; the hidden layer of all their norms is one convolution."""

    def __init__(self, channels: int, out: int, blocks: int, features: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(SpadeBlock(channels, out) for _ in range(blocks))
        norms = sum(block.norms for block in self._typed_blocks)
        self.shared = nn.Conv2d(features, norms * HIDDEN, 3, padding=1)

    @property
    def _typed_blocks(self) -> list[SpadeBlock]:
        return cast("list[SpadeBlock]", list(self.blocks))

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """``x [B, channels, H, W]`` under ``features [B, 256, H, W]``."""
        hidden = F.relu(self.shared(features)).split_with_sizes(
            [HIDDEN] * (self.shared.out_channels // HIDDEN), dim=1
        )
        for block in self._typed_blocks:
            x = block(x, hidden[: block.norms])
            hidden = hidden[block.norms :]
        return x


class Generator(nn.Module):
    """The decoder of warped features; spectral norms are folded."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(256, 512, 3, padding=1)
        self.middle = SpadeStage(512, 512, blocks=6, features=256)
        self.up = nn.ModuleList(
            [
                SpadeStage(512, 256, blocks=1, features=256),
                SpadeStage(256, 64, blocks=1, features=256),
            ]
        )
        self.image = nn.Conv2d(64, 12, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Warped ``features [B, 256, 64, 64]`` -> RGB picture [B, 3, 512, 512] in 0..1."""
        x = self.middle(self.fc(features), features)
        for stage in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            features = F.interpolate(features, scale_factor=2.0, mode="nearest")
            x = stage(x, features)
        return F.pixel_shuffle(self.image(_activate(x)), 2).sigmoid()


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def _modulate(x: Tensor, gamma_beta: Tensor) -> Tensor:
    gamma, beta = gamma_beta.chunk(2, dim=1)
    return x * (1 + gamma) + beta
