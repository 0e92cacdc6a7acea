"""MoDA with cross-attention in place of joint attention, for comparison."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from motion.moda.blocks import AdaLN
from motion.moda.config import MoDAConfig
from motion.moda.layers import QKNorm, attention, feed_forward, modulated_norm, rotations
from motion.moda.network import Encoded, MoDA


class CrossBlock(nn.Module):
    """Motion attends to motion, then to the conditions, which blocks leave unchanged."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        width = config.width
        self.adaln = AdaLN(config, chunks=9)
        self.qkv = nn.Linear(width, 3 * width)
        self.heads = QKNorm(config)
        self.project = nn.Linear(width, width)
        self.cross_qkv = nn.Linear(width, 3 * width)
        self.cross_heads = QKNorm(config)
        self.cross_project = nn.Linear(width, width)
        self.mlp = feed_forward(config)

    def forward(
        self,
        x: Tensor,
        conditions: Tensor,
        modulation: Tensor,
        rotation: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """``x [B, N, D]``, ``conditions [B, C, D]``; rotation and mask are of all N + C tokens."""
        n = x.shape[1]
        parts = modulation[:, None].chunk(9, dim=-1)
        q, k, v = self.heads(self.qkv(modulated_norm(x, *parts[0:2])))
        attended = attention(q, k, v, rotation[:, :n], mask[:n, :n])
        x = x + parts[2] * self.project(attended)

        tokens = torch.cat([modulated_norm(x, *parts[3:5]), conditions], dim=1)
        q, k, v = self.cross_heads(self.cross_qkv(tokens))
        others = mask.clone()
        others[:n, :n] = False
        x = x + parts[5] * self.cross_project(attention(q, k, v, rotation, others)[:, :n])

        out: Tensor = x + parts[8] * self.mlp(modulated_norm(x, *parts[6:8]))
        return out


class CrossAttentionMoDA(MoDA):
    """As many blocks as the ``config`` has in all, of one kind."""

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__(config)
        depth = config.four_stream + config.two_stream + config.single_stream
        self.four_stream, self.two_stream = nn.ModuleList(), nn.ModuleList()
        self.single_stream = nn.ModuleList(CrossBlock(config) for _ in range(depth))
        self._adaln = tuple(m for m in self.modules() if isinstance(m, AdaLN))

    def velocity(
        self, latent: Tensor, encoded: Encoded, modulation: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """As :meth:`MoDA.velocity`; ``mask`` must be given."""
        assert mask is not None
        frames, ahead = latent.shape[1], encoded.audio.shape[1]
        previous = encoded.previous.expand(-1, frames, -1)
        motion = self.motion_embedder(torch.cat([previous, latent], dim=-1))
        conditions = torch.cat(
            [encoded.audio, encoded.emotion[:, None], encoded.identity[:, None]], dim=1
        )
        clock = torch.arange(max(frames, ahead), device=latent.device)
        still = torch.zeros(2, device=latent.device)
        rotation = rotations(
            torch.cat([clock[:frames], clock[:ahead], still]),
            self.config.head_width,
            self.config.rope_theta,
        )
        *blocks, head = torch.split(modulation, [a.size for a in self._adaln], dim=-1)
        for block, adaln in zip(self.single_stream, blocks, strict=True):
            motion = block(motion, conditions, adaln, rotation, mask)
        velocity: Tensor = self.head(motion, head)
        return velocity
