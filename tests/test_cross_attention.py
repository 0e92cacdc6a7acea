"""The comparison network with cross-attention: causal like the one that it is compared with."""

from __future__ import annotations

import torch

from benchmarks.cross_attention import CrossAttentionMoDA
from motion.moda.config import CAUSAL
from motion.moda.masks import chunk_mask
from motion.moda.network import Conditions

FRAMES, AHEAD, CHUNK = 12, 2, 4


def test_a_chunk_hears_its_look_ahead_and_nothing_later() -> None:
    torch.manual_seed(0)
    network = CrossAttentionMoDA(CAUSAL).requires_grad_(False).eval()
    chunk_of = torch.arange(FRAMES) // CHUNK
    mask = chunk_mask(chunk_of, FRAMES + AHEAD, before=3, after=AHEAD)
    latent = torch.randn(1, FRAMES, 70)
    audio = torch.randn(1, FRAMES + AHEAD, 1, CAUSAL.audio_features)
    heard_from = CHUNK + AHEAD  # by the second chunk, not by the first

    def velocity(audio: torch.Tensor) -> torch.Tensor:
        conditions = Conditions(
            audio,
            network.emotions(torch.tensor([0])),
            torch.zeros(1, CAUSAL.identity),
            torch.zeros(1, 1, 70),
        )
        result: torch.Tensor = network(latent, torch.tensor([500.0]), conditions, mask)
        return result

    changed = audio.clone()
    changed[:, heard_from:] += 1.0
    first, other = velocity(audio), velocity(changed)
    torch.testing.assert_close(first[:, :CHUNK], other[:, :CHUNK])
    assert (first[:, CHUNK : 2 * CHUNK] - other[:, CHUNK : 2 * CHUNK]).abs().max() > 1e-3
