"""The parts that MoDA's blocks are made of."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from motion.moda.config import MoDAConfig


def modulated_norm(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """RMS-normalised ``x [B, T, D]`` under adaLN ``shift`` and ``scale`` [B, 1, D]."""
    return F.rms_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def rotations(positions: Tensor, width: int, theta: float) -> Tensor:
    """RoPE cosines and sines [2, T, width / 2] of ``positions [T]``; position 0 turns nothing."""
    index = torch.arange(0, width, 2, dtype=torch.float32, device=positions.device)
    angles = positions.float()[:, None] * theta ** (-index / width)
    return torch.stack([angles.cos(), angles.sin()])


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """``x [B, H, T, d]`` with its interleaved channel pairs turned, computed in float32."""
    cos, sin = rotation
    a, b = x.float().view(*x.shape[:-1], -1, 2).unbind(-1)
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.flatten(-2).to(x.dtype)


def attention(
    q: Tensor, k: Tensor, v: Tensor, rotation: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Attention of rotated queries and keys over values, all [B, H, T, d] -> [B, T, H d].

    ``mask``, broadcast to [B, H, T, T], is True where a query (row) may see a key (column).
    """
    out = F.scaled_dot_product_attention(rotate(q, rotation), rotate(k, rotation), v, mask)
    return out.transpose(1, 2).flatten(2)


class QKNorm(nn.Module):
    """Heads of queries, keys and values, with queries and keys RMS-normalised per head."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        self.head_width = config.head_width
        self.q = nn.RMSNorm(config.head_width, eps=1e-5)
        self.k = nn.RMSNorm(config.head_width, eps=1e-5)

    def forward(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``qkv [B, T, 3 H d]`` -> q, k and v, each [B, H, T, d]."""
        heads = qkv.view(*qkv.shape[:2], 3, -1, self.head_width)
        q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)
        return self.q(q), self.k(k), v


class TimeEmbedder(nn.Module):
    """Sinusoids of the flow time (0 = motion, 1000 = noise) through an MLP, in float32."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        self.features = config.time_features
        self.mlp = mlp(config.time_features, config.width)

    def forward(self, time: Tensor) -> Tensor:
        """``time [B]`` in 0..1000 -> [B, D]."""
        half = self.features // 2
        index = torch.arange(half, dtype=torch.float32, device=time.device)
        angles = time.float()[:, None] * torch.exp(-math.log(10_000) * index / half)
        with torch.autocast(time.device.type, enabled=False):
            embedding: Tensor = self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))
        return embedding


class AudioEmbedder(nn.Module):
    """One token [D] per frame of audio."""

    past: int = 0
    """Frames before its own that a token depends on."""


class ProjectionAudioEmbedder(AudioEmbedder):
    """One token per frame from that frame's own features: the published embedder."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        width = config.width
        self.layers = nn.Sequential(
            nn.Linear(config.audio_layers * config.audio_features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.RMSNorm(width, eps=1e-6),
        )

    def forward(self, audio: Tensor) -> Tensor:
        """``audio [B, M, layers, features]`` -> tokens [B, M, D]."""
        tokens: Tensor = self.layers(audio.flatten(2))
        return tokens


class ConvolutionAudioEmbedder(AudioEmbedder):
    """One token per frame from that frame and the :attr:`past` before it."""

    KERNEL = 3

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        channels = config.audio_channels
        self.dilations = config.audio_dilations
        self.past = (self.KERNEL - 1) * sum(self.dilations)
        self.project = nn.Linear(config.audio_layers * config.audio_features, channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, self.KERNEL, dilation=d) for d in self.dilations
        )
        self.out = nn.Linear(channels, config.width)
        self.norm = nn.RMSNorm(config.width, eps=1e-6)

    def forward(self, audio: Tensor) -> Tensor:
        """``audio [B, M, layers, features]`` -> tokens [B, M, D]; zeros stand left of frame 0."""
        x = self.project(audio.flatten(2)).transpose(1, 2)
        for convolution, dilation in zip(self.convolutions, self.dilations, strict=True):
            past = (self.KERNEL - 1) * dilation
            x = x + convolution(F.pad(F.gelu(x), (past, 0)))
        tokens: Tensor = self.norm(self.out(x.transpose(1, 2)))
        return tokens


def audio_embedder(config: MoDAConfig) -> AudioEmbedder:
    """The embedder that ``config`` names."""
    if config.audio_embedder == "projection":
        return ProjectionAudioEmbedder(config)
    return ConvolutionAudioEmbedder(config)


def mlp(features: int, width: int) -> nn.Sequential:
    """Embedding MLP: Linear, SiLU, Linear."""
    return nn.Sequential(nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width))


def feed_forward(config: MoDAConfig) -> nn.Sequential:
    """A transformer block's MLP."""
    hidden = config.mlp_ratio * config.width
    return nn.Sequential(
        nn.Linear(config.width, hidden),
        nn.GELU(approximate="tanh"),
        nn.Linear(hidden, config.width),
    )
