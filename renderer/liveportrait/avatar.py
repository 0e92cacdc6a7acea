"""A portrait prepared for LivePortrait: everything that does not change from frame to frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from inference.weights import read_cache, write_cache
from motion.layout import KEYPOINTS, FloatArray
from renderer.contract import ImageArray
from renderer.liveportrait.checkpoint import LivePortrait
from renderer.liveportrait.crop import CROP_SIZE, Crop, Points, find_crop, network_input
from renderer.liveportrait.keypoints import bins_to_degrees, transform
from renderer.liveportrait.motion_extractor import split_heads
from renderer.liveportrait.warping import Source

_VERSION: Final = 1
"""Raised when the contents of a cached avatar change."""


@dataclass(frozen=True, slots=True, eq=False)
class PortraitAvatar:
    """One portrait on one device; shared by all sessions."""

    name: str
    title: str
    canonical: FloatArray
    """Keypoints x_c [21, 3]."""
    motion: FloatArray
    """The portrait's own motion [70]."""
    source: Source
    """What W needs of it, a batch of one."""
    crop: Crop
    """Where the face lies in the picture."""

    @property
    def size(self) -> int:
        return CROP_SIZE

    @property
    def rest(self) -> FloatArray:
        return self.motion


@torch.inference_mode()
def prepare(
    networks: LivePortrait,
    picture: ImageArray,
    landmarks: Points | None,
    *,
    name: str,
    title: str | None = None,
) -> PortraitAvatar:
    """An avatar of the face with ``landmarks`` [106 or 203, 2] in RGB ``picture [H, W, 3]``.

    Without landmarks the whole picture is taken for the crop: its middle square.
    """
    crop = middle_square(picture) if landmarks is None else find_crop(landmarks)
    device = networks.device
    image = torch.from_numpy(network_input(crop.cut(picture))).to(device)
    heads = {k: v.cpu().numpy() for k, v in split_heads(networks.motion(image)).items()}
    canonical = heads["kp"].reshape(KEYPOINTS, 3)
    motion = source_motion(heads)
    keypoints = torch.from_numpy(transform(canonical, motion[None])).to(device)
    source = networks.warping.source(networks.appearance(image), keypoints)
    return PortraitAvatar(name, title or name, canonical, motion, source, crop)


def middle_square(picture: ImageArray) -> Crop:
    """The largest upright square in the middle of ``picture``."""
    height, width = picture.shape[:2]
    return Crop((width / 2, height / 2), float(min(height, width)), 0.0)


def source_motion(heads: dict[str, FloatArray]) -> FloatArray:
    """A portrait's own motion [70] from M's outputs, angles in degrees."""
    angles = [bins_to_degrees(heads[name]) for name in ("pitch", "yaw", "roll")]
    return np.concatenate([heads["exp"][0], heads["scale"][0], heads["t"][0], *angles])


def picture_key(picture: ImageArray, models: str) -> str:
    """Name of a cached avatar: a hash of the ``picture`` and of the name of the ``models``."""
    digest = hashlib.sha256(f"{_VERSION} {models} {picture.shape}".encode())
    digest.update(picture.tobytes())
    return digest.hexdigest()[:32]


def save_avatar(avatar: PortraitAvatar, path: Path) -> None:
    """Keep ``avatar`` at ``path`` as safetensors."""
    crop = (*avatar.crop.centre, avatar.crop.size, avatar.crop.angle)
    tensors: dict[str, Tensor] = {
        "canonical": torch.from_numpy(avatar.canonical),
        "motion": torch.from_numpy(avatar.motion),
        "crop": torch.tensor(crop, dtype=torch.float64),
        "rows": avatar.source.rows,
        "compressed": avatar.source.compressed,
        "keypoints": avatar.source.keypoints,
    }
    write_cache(path, {key: value.cpu() for key, value in tensors.items()})


def load_avatar(
    path: Path, *, name: str, title: str | None = None, device: str = "cpu"
) -> PortraitAvatar:
    """An avatar that :func:`save_avatar` kept. Raises CheckpointError."""
    tensors = read_cache(path)
    x, y, size, angle = tensors["crop"].tolist()
    source = (tensors[field].to(device) for field in ("rows", "compressed", "keypoints"))
    return PortraitAvatar(
        name=name,
        title=title or name,
        canonical=tensors["canonical"].numpy(),
        motion=tensors["motion"].numpy(),
        source=Source(*source),
        crop=Crop((x, y), size, angle),
    )
