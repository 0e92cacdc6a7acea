"""Training of the audio embedder alone, which is the cheap part of the network.

Linear probes on its tokens tell the mouth of a frame from the token of that frame and of those
that may be heard ahead of it. They are thrown away after training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from motion.moda.causal import LOOKAHEAD, mouth_dimensions
from motion.moda.config import MoDAConfig
from motion.moda.normalisation import MotionStatistics
from motion.training.dataset import Batch


class Probe(nn.Module):
    """Mouth, closure and voice of a frame from one audio token, 0 to 2 frames later."""

    def __init__(self, config: MoDAConfig, statistics: MotionStatistics) -> None:
        super().__init__()
        mouth = (mouth_dimensions() > 0) & (statistics.std > 0)
        self._mouth = torch.from_numpy(mouth.nonzero()[0])
        self.heads = nn.ModuleList(
            nn.Linear(config.width, len(self._mouth) + 2) for _ in range(LOOKAHEAD + 1)
        )

    def forward(self, tokens: Tensor, batch: Batch) -> Tensor:
        """The loss of ``tokens [B, past + N + 2, D]``."""
        frames = batch.closed.shape[1]
        first = tokens.shape[1] - frames - LOOKAHEAD
        mouth = batch.motion[:, 1:, self._mouth.to(tokens.device)]
        loss = tokens.new_zeros(())
        for later, head in enumerate(self.heads):
            out = head(tokens[:, first + later : first + later + frames])
            shape, closed, voice = out[..., :-2], out[..., -2], out[..., -1]
            loss = (
                loss
                + F.mse_loss(shape, mouth)
                + F.binary_cross_entropy_with_logits(closed, batch.closed)
                + 0.3 * F.binary_cross_entropy_with_logits(voice, batch.voice)
            )
        return loss / len(self.heads)
