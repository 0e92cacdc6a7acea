"""W: the source's features moved to where the driven keypoints want them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from motion.layout import KEYPOINTS
from renderer.liveportrait.appearance import CHANNELS, DEPTH
from renderer.liveportrait.sampling import axis, sample, translated

SIZE = 64
VOLUME = (DEPTH, SIZE, SIZE)
COMPRESSED = 4
MOTIONS = KEYPOINTS + 1
"""One motion per keypoint, and one for the background, which stays where it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """What W needs of B portraits; computed once for each, see :meth:`WarpingNetwork.source`."""

    rows: Tensor
    """Feature volume with channels last [B, 16 * 64 * 64, 32]."""
    compressed: Tensor
    """[B, 4, 16, 64, 64]."""
    keypoints: Tensor
    """Source keypoints [B, 21, 3]."""


@dataclass(frozen=True, slots=True)
class DenseMotion:
    """Where each voxel of the output comes from."""

    masks: Tensor
    """Weights of the motions [B, 22, 16, 64, 64]."""
    deformation: Tensor
    """Source coordinates (x, y, z) in -1..1 [B, 16, 64, 64, 3]."""
    occlusion: Tensor
    """Visibility [B, 1, 64, 64] in 0..1."""


class Hourglass(nn.Module):
    """3-D U-Net that pools height and width only."""

    def __init__(self) -> None:
        super().__init__()
        down = (MOTIONS * (COMPRESSED + 1), 64, 128, 256, 512, 1024)
        up = ((1024, 512), (1024, 256), (512, 128), (256, 64), (128, 32))
        self.down = nn.ModuleList(nn.Conv3d(i, o, 3, padding=1) for i, o in pairwise(down))
        self.up = nn.ModuleList(nn.Conv3d(i, o, 3, padding=1) for i, o in up)
        self.last = nn.Conv3d(32 + down[0], 32 + down[0], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 110, D, H, W] -> [B, 142, D, H, W]."""
        skips = [x]
        for convolution in self.down:
            skips.append(F.avg_pool3d(F.relu(convolution(skips[-1])), (1, 2, 2)))
        x = skips.pop()
        for convolution in self.up:
            x = F.interpolate(x, scale_factor=(1.0, 2.0, 2.0), mode="nearest")
            x = torch.cat([F.relu(convolution(x)), skips.pop()], dim=1)
        return F.relu(self.last(x))


class WarpingNetwork(nn.Module):
    """Dense motion from sparse keypoints, then the warp; batch norms are folded.

    Features may have half precision, keypoints are always float32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.compress = nn.Conv3d(CHANNELS, COMPRESSED, 1)
        self.hourglass = Hourglass()
        features = self.hourglass.last.out_channels
        self.mask = nn.Conv3d(features, MOTIONS, 7, padding=3)
        self.occlusion = nn.Conv2d(features * DEPTH, 1, 7, padding=3)
        self.third = nn.Conv2d(CHANNELS * DEPTH, 256, 3, padding=1)
        self.fourth = nn.Conv2d(256, 256, 1)

    def forward(self, rows: Tensor, compressed: Tensor, source: Tensor, driven: Tensor) -> Tensor:
        """Warped features [B, 256, 64, 64] of sources at keypoints ``driven [B, 21, 3]``.

        The first three are the fields of :class:`Source`.
        """
        cached = Source(rows, compressed, source)
        return self.warp(cached, self.dense_motion(cached, driven))

    def warp(self, source: Source, motion: DenseMotion) -> Tensor:
        """The source's features [B, 256, 64, 64] where ``motion`` takes them from."""
        points = motion.deformation.flatten(1, 3)
        warped = sample(source.rows, VOLUME, points).transpose(1, 2)
        x = warped.reshape(-1, CHANNELS * DEPTH, SIZE, SIZE)
        x = self.fourth(F.leaky_relu(self.third(x), 0.01))
        out: Tensor = x * motion.occlusion
        return out

    def source(self, volume: Tensor, keypoints: Tensor) -> Source:
        """What stays the same for all frames of sources [B, 32, 16, 64, 64] and [B, 21, 3]."""
        rows = volume.flatten(2).transpose(1, 2).contiguous()
        return Source(rows, F.relu(self.compress(volume)), keypoints)

    def dense_motion(self, source: Source, driven: Tensor) -> DenseMotion:
        """Which keypoint's motion each voxel follows, and what of the source is seen at all."""
        background = driven.new_zeros(driven.shape[0], 1, 3)
        shifts = torch.cat([background, source.keypoints - driven], dim=1)
        features = translated(source.compressed, shifts)
        moved = _gaussians(driven) - _gaussians(source.keypoints)
        heat = torch.cat([torch.zeros_like(moved[:, :1]), moved], dim=1).to(features.dtype)
        stacked = torch.cat([heat[:, :, None], features], dim=2).flatten(1, 2)

        x = self.hourglass(stacked)
        masks = self.mask(x).softmax(dim=1)
        occlusion = self.occlusion(x.flatten(1, 2)).sigmoid()
        # Masks sum to 1, so the mean of moved grids is the grid moved by the mean shift.
        offset = masks.flatten(2).transpose(1, 2).to(shifts.dtype) @ shifts
        deformation = _identity_grid(driven) + offset.view(-1, *VOLUME, 3)
        return DenseMotion(masks, deformation, occlusion)


def _gaussians(keypoints: Tensor) -> Tensor:
    """A Gaussian of variance 0.01 around each keypoint [B, K, 3] -> [B, K, 16, 64, 64]."""
    z, y, x = (
        torch.exp(-50.0 * (axis(size, keypoints) - keypoints[..., i : i + 1]) ** 2)
        for i, size in ((2, DEPTH), (1, SIZE), (0, SIZE))
    )
    return z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]


def _identity_grid(like: Tensor) -> Tensor:
    """Coordinates (x, y, z) of every voxel [16, 64, 64, 3]."""
    z, y, x = torch.meshgrid(*(axis(size, like) for size in VOLUME), indexing="ij")
    return torch.stack([x, y, z], dim=-1)
