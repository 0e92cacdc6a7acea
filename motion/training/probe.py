"""Training of the audio embedder alone, which is the cheap part of the network.

Linear probes on its tokens tell the mouth of a frame from the token of that frame and of those
that may be heard ahead of it. They are thrown away after training.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from motion.features import HOPS, MELS, mel_centres
from motion.moda.causal import LOOKAHEAD, SILENCE, mouth_dimensions
from motion.moda.config import MoDAConfig
from motion.moda.normalisation import MotionStatistics
from motion.training.dataset import Batch

_WARP: Final = 0.11


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


def vary(batch: Batch, generator: torch.Generator) -> Batch:
    """The batch with its sound louder or softer, of other throats, through other microphones."""
    size, device = len(batch.audio), batch.audio.device
    level = 0.3 * torch.randn(size, 1, generator=generator, device=device)
    tilt = 0.2 * torch.randn(size, 1, generator=generator, device=device)
    knots = 0.12 * torch.randn(size, 1, 8, generator=generator, device=device)
    curve = F.interpolate(knots, MELS, mode="linear", align_corners=True)[:, 0]
    curve = curve + level + tilt * torch.linspace(-1, 1, MELS, device=device)
    hops = _warp(batch.audio.reshape(*batch.audio.shape[:-1], HOPS, MELS), generator)
    audio = (hops + curve[:, None, None, None]).clamp(min=SILENCE).flatten(-2)
    return Batch(audio, batch.motion, batch.closed, batch.voice, batch.emotion)


def _warp(hops: Tensor, generator: torch.Generator) -> Tensor:
    """Spectra [B, M, 1, hops, bands] with their frequencies times up to 1.12 or 1 / 1.12.

    Formants of a longer or shorter vocal tract at the same pace (Jaitly and Hinton 2013).
    """
    stretch = torch.rand(len(hops), 1, generator=generator, device=hops.device)
    factor = torch.exp(_WARP * (2.0 * stretch - 1.0))
    centres = torch.from_numpy(mel_centres()).to(hops.device)
    position = 1127.0 * torch.log1p(factor * centres / 700.0)
    mel = 1127.0 * torch.log1p(centres / 700.0)
    place = ((position - mel[0]) / (mel[1] - mel[0])).clamp(0.0, MELS - 1.001)
    below = place.floor()
    share = (place - below)[:, None, None, None]
    index = below.long()[:, None, None, None].expand_as(hops)
    return torch.lerp(hops.gather(-1, index), hops.gather(-1, index + 1), share)
