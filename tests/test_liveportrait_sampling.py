"""Sampling of volumes without GridSample: the same numbers, and no gather from nowhere."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812

from renderer.liveportrait.sampling import sample

SHAPE = (3, 5, 4)


def volume() -> torch.Tensor:
    return torch.randn(2, 6, *SHAPE, generator=torch.Generator().manual_seed(0))


def rows(volume: torch.Tensor) -> torch.Tensor:
    return volume.flatten(2).transpose(1, 2)


def test_points_within_and_without_are_sampled_as_gridsample_does() -> None:
    grid = 3.0 * torch.rand(2, 200, 3, generator=torch.Generator().manual_seed(1)) - 1.5
    expected = F.grid_sample(volume(), grid[:, :, None, None], align_corners=False)
    actual = sample(rows(volume()), SHAPE, grid)
    torch.testing.assert_close(actual, expected[..., 0, 0].transpose(1, 2))


def test_a_point_that_is_not_finite_spoils_itself_only() -> None:
    grid = torch.zeros(2, 4, 3)
    fine = sample(rows(volume()), SHAPE, grid)
    grid[0, 1] = math.nan
    grid[1, 2] = math.inf
    spoilt = sample(rows(volume()), SHAPE, grid)
    spoilt[0, 1], spoilt[1, 2] = fine[0, 1], fine[1, 2]
    torch.testing.assert_close(spoilt, fine)
