"""S: corrections of driven keypoints, small MLPs with ReLU."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

STITCHING = (126, 128, 128, 64, 65)
"""Layer widths of the network that keeps the head on its shoulders."""


class KeypointMLP(nn.Module):
    """Linear layers of ``widths`` with ReLU between them."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, o in pairwise(widths):
            layers += [nn.Linear(i, o), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """[B, widths[0]] -> [B, widths[-1]]."""
        out: Tensor = self.mlp(x)
        return out


class Stitching(nn.Module):
    """Driven keypoints corrected to fit those of the source."""

    def __init__(self, network: KeypointMLP) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, driven: Tensor) -> Tensor:
        """``source`` and ``driven`` keypoints -> corrected ones, all [B, 21, 3]."""
        delta = self.network(torch.cat([source.flatten(1), driven.flatten(1)], dim=1))
        points, shift = delta[:, :63].view_as(driven), delta[:, None, 63:]
        corrected = driven + points
        return torch.cat([corrected[..., :2] + shift, corrected[..., 2:]], dim=-1)
