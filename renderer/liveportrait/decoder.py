"""Frames of prepared portraits in motion: stitching, then W and G in batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from inference.engine import Engine
from motion.layout import KEYPOINTS, FloatArray
from renderer.contract import ImageArray, Renderer
from renderer.liveportrait.appearance import CHANNELS
from renderer.liveportrait.avatar import PortraitAvatar
from renderer.liveportrait.crop import CROP_SIZE
from renderer.liveportrait.generator import Generator
from renderer.liveportrait.keypoints import driven
from renderer.liveportrait.warping import COMPRESSED, VOLUME, WarpingNetwork

DEFAULT_BATCH: Final = 8


class WarpAndGenerate(nn.Module):
    """W and G as one function, which is what an engine runs per frame.

    Features take the precision of the weights; keypoints stay in float32, because half precision
    would round them to a thirtieth of a voxel.
    """

    def __init__(self, warping: WarpingNetwork, generator: Generator) -> None:
        super().__init__()
        self.warping = warping
        self.generator = generator

    def forward(self, rows: Tensor, compressed: Tensor, source: Tensor, moved: Tensor) -> Tensor:
        """Fields of B :class:`~.warping.Source` and keypoints [B, 21, 3] -> [B, 3, 512, 512]."""
        precision = self.generator.fc.weight.dtype
        warped = self.warping(rows.to(precision), compressed.to(precision), source, moved)
        picture: Tensor = self.generator(warped).float()
        return picture


def decoder_inputs(device: str = "cpu", batch: int = 2) -> dict[str, Tensor]:
    """Zeros in the shapes that :class:`WarpAndGenerate` takes, by name."""
    return {
        "rows": torch.zeros(batch, math.prod(VOLUME), CHANNELS, device=device),
        "compressed": torch.zeros(batch, COMPRESSED, *VOLUME, device=device),
        "source": torch.zeros(batch, KEYPOINTS, 3, device=device),
        "moved": torch.zeros(batch, KEYPOINTS, 3, device=device),
    }


class LivePortraitRenderer(Renderer[PortraitAvatar]):
    """Frames of several avatars share batches."""

    def __init__(self, stitch: Engine, decode: Engine, *, batch: int = DEFAULT_BATCH) -> None:
        """Engines of :class:`~.stitching.Stitching` and :class:`WarpAndGenerate`."""
        if batch < 1:
            raise ValueError(f"a batch has at least one frame, not {batch}")
        self._stitch = stitch
        self._decode = decode
        self.batch = batch

    def render(self, avatar: PortraitAvatar, motion: FloatArray) -> ImageArray:
        return _i420(self.draw([avatar] * len(motion), motion))

    def render_views(self, views: Sequence[tuple[PortraitAvatar, FloatArray]]) -> list[ImageArray]:
        avatars = [avatar for avatar, _ in views]
        return list(_i420(self.draw(avatars, np.stack([motion for _, motion in views]))))

    @torch.inference_mode()
    def draw(self, avatars: Sequence[PortraitAvatar], motion: FloatArray) -> ImageArray:
        """RGB pictures [n, 512, 512, 3], picture i of ``avatars[i]`` under ``motion[i]``.

        Raises ValueError for motion that is not finite.
        """
        pictures = np.empty((len(motion), CROP_SIZE, CROP_SIZE, 3), np.uint8)
        for start in range(0, len(motion), self.batch):
            rows = slice(start, start + self.batch)
            pictures[rows] = self._draw_batch(avatars[rows], motion[rows])
        return pictures

    def _draw_batch(self, avatars: Sequence[PortraitAvatar], motion: FloatArray) -> ImageArray:
        sources = [avatar.source for avatar in avatars]
        keypoints = torch.cat([source.keypoints for source in sources])
        moved = np.concatenate(
            [
                driven(avatar.canonical, avatar.motion, frame[None])
                for avatar, frame in zip(avatars, motion, strict=True)
            ]
        )
        if not np.isfinite(moved).all():
            # On a GPU a gather out of bounds aborts the whole process, not only this picture.
            raise ValueError("motion with numbers that are not finite cannot be drawn")
        stitched = self._stitch(keypoints, torch.from_numpy(moved).to(keypoints.device))
        picture = self._decode(
            torch.cat([source.rows for source in sources]),
            torch.cat([source.compressed for source in sources]),
            keypoints,
            stitched,
        )
        pixels = (picture * 255).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return np.ascontiguousarray(pixels.cpu().numpy())


def _i420(pictures: ImageArray) -> ImageArray:
    """I420 frames [n, 768, 512] of RGB pictures [n, 512, 512, 3]."""
    frames = np.empty((len(pictures), CROP_SIZE * 3 // 2, CROP_SIZE), np.uint8)
    for picture, frame in zip(pictures, frames, strict=True):
        cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420, dst=frame)
    return frames
