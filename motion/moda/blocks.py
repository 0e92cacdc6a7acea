"""MoDA's blocks (paper sec. 3.2): streams with their own weights, one attention over all.

A block takes its adaLN outputs as an argument (they depend on flow time and emotion only), so
that they can be computed once for all blocks and kept.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from motion.moda.config import MoDAConfig
from motion.moda.layers import QKNorm, attention, feed_forward, modulated_norm


class AdaLN(nn.Module):
    """``chunks`` modulation vectors from the condition vector (flow time + emotion)."""

    def __init__(self, config: MoDAConfig, chunks: int) -> None:
        super().__init__()
        self.linear = nn.Linear(config.width, chunks * config.width)

    @property
    def size(self) -> int:
        return self.linear.out_features

    def forward(self, vector: Tensor) -> Tensor:
        """``vector [B, D]`` -> [B, chunks D]."""
        modulation: Tensor = self.linear(F.silu(vector))
        return modulation


class Stream(nn.Module):
    """What one modality owns within a joint block."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        width = config.width
        self.adaln = AdaLN(config, chunks=6)
        self.qkv = nn.Linear(width, 3 * width)
        self.heads = QKNorm(config)
        self.project = nn.Linear(width, width)
        self.mlp = feed_forward(config)


class JointBlock(nn.Module):
    """Each stream has its own modulation, QKV and MLP; all attend to the tokens of all."""

    def __init__(self, config: MoDAConfig, streams: int) -> None:
        super().__init__()
        self.streams = nn.ModuleList(Stream(config) for _ in range(streams))

    def forward(
        self,
        tokens: list[Tensor],
        modulations: list[Tensor],
        rotation: Tensor,
        mask: Tensor | None,
    ) -> list[Tensor]:
        """``tokens`` [B, T_s, D] and ``modulations`` [B, 6 D] per stream -> new tokens."""
        streams = cast("list[Stream]", list(self.streams))
        adaln = [m[:, None].chunk(6, dim=-1) for m in modulations]
        heads = [
            stream.heads(stream.qkv(modulated_norm(x, shift, scale)))
            for stream, x, (shift, scale, *_) in zip(streams, tokens, adaln, strict=True)
        ]
        q, k, v = (torch.cat(parts, dim=2) for parts in zip(*heads, strict=True))
        joint = attention(q, k, v, rotation, mask)
        attended = torch.split(joint, [x.shape[1] for x in tokens], dim=1)

        out = []
        for stream, x, a, m in zip(streams, tokens, attended, adaln, strict=True):
            _, _, attention_gate, shift, scale, mlp_gate = m
            x = x + attention_gate * stream.project(a)
            x = x + mlp_gate * stream.mlp(modulated_norm(x, shift, scale))
            out.append(x)
        return out


class SingleBlock(nn.Module):
    """All tokens share the weights; attention and MLP run side by side."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        width = config.width
        self.split = [3 * width, config.mlp_ratio * width]
        self.adaln = AdaLN(config, chunks=3)
        self.qkv_mlp = nn.Linear(width, sum(self.split))
        self.heads = QKNorm(config)
        self.project = nn.Linear(width + config.mlp_ratio * width, width)

    def forward(
        self, x: Tensor, modulation: Tensor, rotation: Tensor, mask: Tensor | None
    ) -> Tensor:
        """``x [B, T, D]`` and ``modulation [B, 3 D]`` -> [B, T, D]."""
        shift, scale, gate = modulation[:, None].chunk(3, dim=-1)
        y = self.qkv_mlp(modulated_norm(x, shift, scale))
        qkv, hidden = torch.split(y, self.split, dim=-1)
        q, k, v = self.heads(qkv)
        attended = attention(q, k, v, rotation, mask)
        hidden = F.gelu(hidden, approximate="tanh")
        out: Tensor = x + gate * self.project(torch.cat([attended, hidden], dim=-1))
        return out


class Head(nn.Module):
    """Motion tokens to velocities."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        self.adaln = AdaLN(config, chunks=2)
        self.linear = nn.Linear(config.width, config.motion)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """``x [B, N, D]`` and ``modulation [B, 2 D]`` -> [B, N, motion]."""
        shift, scale = modulation[:, None].chunk(2, dim=-1)
        velocity: Tensor = self.linear(modulated_norm(x, shift, scale))
        return velocity
