"""Trilinear sampling of feature volumes without GridSample, which TensorRT lacks in 3-D.

Coordinates are those of the released model: a sample at -1 or 1 lies on the OUTER edge of the
corner voxel (``align_corners=False``) and everything outside the volume is zero. Features may
have half precision; coordinates are float32, as half of it is a thirtieth of a voxel.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor


def axis(size: int, like: Tensor) -> Tensor:
    """The ``size`` coordinates -1..1 of the identity grid along one axis, typed as ``like``."""
    return torch.arange(size, dtype=like.dtype, device=like.device) * (2.0 / (size - 1)) - 1.0


def translated(volume: Tensor, shift: Tensor) -> Tensor:
    """``volume [B, C, D, H, W]`` sampled at the identity grid moved by each ``shift [B, K, 3]``.

    The grid of a translation is separable, so K samples [B, K, C, D, H, W] are three products
    with tent matrices instead of K D H W gathers. Shifts are in (x, y, z).
    """
    batch, channels, depth, height, width = volume.shape
    count = shift.shape[1]
    tent_x, tent_y, tent_z = (
        _tent(size, shift[..., i]).to(volume.dtype) for i, size in enumerate((width, height, depth))
    )
    x = volume.reshape(batch, 1, channels * depth * height, width) @ tent_x.transpose(-1, -2)
    x = tent_y[:, :, None] @ x.view(batch, count, channels * depth, height, width)
    x = tent_z[:, :, None] @ x.view(batch, count, channels, depth, height * width)
    return x.view(batch, count, channels, depth, height, width)


def _tent(size: int, shift: Tensor) -> Tensor:
    """Interpolation weights [B, K, size, size] of ``size`` moved points over as many voxels."""
    position = ((axis(size, shift) + shift[..., None]) + 1.0) * (size / 2) - 0.5
    voxel = torch.arange(size, dtype=shift.dtype, device=shift.device)
    return (1.0 - (position[..., None] - voxel).abs()).clamp(min=0.0)


def sample(rows: Tensor, shape: tuple[int, int, int], grid: Tensor) -> Tensor:
    """Volumes sampled anywhere: eight gathers of whole feature rows.

    ``rows [B, D H W, C]`` are volumes of ``shape`` (D, H, W) with their channels last; ``grid
    [B, P, 3]`` holds (x, y, z) of P points. Gives [B, P, C].
    """
    depth, height, width = shape
    size = torch.tensor([width, height, depth], dtype=grid.dtype, device=grid.device)
    position = ((grid + 1.0) * size - 1.0) / 2.0
    base = position.floor()
    upper = position - base
    lower = 1.0 - upper
    batch = torch.arange(rows.shape[0], device=rows.device)[:, None] * (depth * height * width)
    flat = rows.reshape(-1, rows.shape[-1])

    out = torch.zeros(1, dtype=rows.dtype, device=rows.device)
    for corner in itertools.product((0, 1), repeat=3):
        weight = torch.ones_like(position[..., 0])
        index = batch
        for i, (bit, stride) in enumerate(zip(corner, (1, width, height * width), strict=True)):
            voxel = base[..., i] + bit
            limit = shape[2 - i] - 1
            inside = (voxel >= 0) & (voxel <= limit)
            weight = weight * (upper if bit else lower)[..., i] * inside.to(weight.dtype)
            # Limited as integers: a point that is not a number must not gather from nowhere.
            index = index + voxel.to(torch.int64).clamp(0, limit) * stride
        gathered = flat.index_select(0, index.flatten()).view(*index.shape, -1)
        out = out + gathered * weight[..., None].to(rows.dtype)
    return out
