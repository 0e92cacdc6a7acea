"""The sync expert (paper sec. 3.4, "ALSE"): do these lips go with this sound?

Two small towers embed a quarter of a second of sound and of lip motion; those of the same moment
are drawn together and those of other moments and other clips pushed apart (InfoNCE). Training of
the generator uses it as a loss, ``benchmarks.lipsync`` as a judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from motion.features import LogMelFeatures
from motion.moda.causal import LOOKAHEAD, mouth_dimensions
from motion.moda.normalisation import MotionStatistics
from motion.training.dataset import Batch, Corpus
from motion.training.variation import vary

SYNC_FILE: Final = "sync.safetensors"

REACH: Final = 3
"""Frames before and after a frame that its embedding sees."""

_CHANNELS: Final = 96
_WIDTH: Final = 64
_TEMPERATURE: Final = 0.07
_FRAMES: Final = 48
_PAIRS: Final = 12
_STEPS: Final = 1200


class SyncExpert(nn.Module):
    """Unit vectors for each frame of sound and of lips; their product tells how well they fit."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: MotionStatistics) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(statistics.mean))
        self.register_buffer("std", torch.from_numpy(statistics.std))
        mouth = (mouth_dimensions() > 0) & (statistics.std > 0)
        self._mouth = torch.from_numpy(mouth.nonzero()[0])
        self.sound = _tower(LogMelFeatures.dim)
        self.lips = _tower(len(self._mouth))

    def hear(self, audio: Tensor) -> Tensor:
        """Features [B, T, 160] -> [B, T - 6, 64]."""
        embedding: Tensor = self.sound(audio.transpose(1, 2))
        return F.normalize(embedding, dim=1).transpose(1, 2)

    def watch(self, motion: Tensor) -> Tensor:
        """Normalised motion [B, T, 70] -> [B, T - 6, 64]."""
        mouth = motion[..., self._mouth.to(motion.device)]
        embedding: Tensor = self.lips(mouth.transpose(1, 2))
        return F.normalize(embedding, dim=1).transpose(1, 2)

    def similarity(self, audio: Tensor, motion: Tensor) -> Tensor:
        """Cosine [B, T - 6] between sound and lips of each frame but the first and last three."""
        return (self.hear(audio) * self.watch(motion)).sum(-1)

    def statistics(self) -> MotionStatistics:
        """Of the motion that it was trained on."""
        return MotionStatistics(self.mean.cpu().numpy(), self.std.cpu().numpy())


def load_expert(path: Path) -> SyncExpert:
    """Read what training wrote. Raises OSError."""
    tensors = {name: value.float() for name, value in load_file(path).items()}
    expert = SyncExpert(MotionStatistics(tensors["mean"].numpy(), tensors["std"].numpy()))
    expert.load_state_dict(tensors)
    return expert.requires_grad_(False).eval()


def save_expert(path: Path, expert: SyncExpert) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in expert.state_dict().items()}, path)


def heard_with(batch: Batch) -> Tensor:
    """The features [B, N, 160] of the frames of ``batch`` themselves."""
    frames = batch.voice.shape[1]
    first = batch.audio.shape[1] - frames - LOOKAHEAD
    return batch.audio[:, first : first + frames, 0]


def contrastive_loss(expert: SyncExpert, batch: Batch, generator: torch.Generator) -> Tensor:
    """InfoNCE over some spoken frames of each window, in both directions."""
    sound, lips = expert.hear(heard_with(batch)), expert.watch(batch.motion[:, 1:])
    spoken = batch.voice[:, REACH:-REACH] > 0.5
    order = torch.rand(spoken.shape, generator=generator, device=spoken.device)
    chosen = (order * spoken).topk(_PAIRS, dim=1).indices
    rows = torch.arange(len(chosen), device=chosen.device)[:, None]
    keep = spoken[rows, chosen].flatten()
    sound, lips = (x[rows, chosen].flatten(0, 1)[keep] for x in (sound, lips))
    logits = sound @ lips.T / _TEMPERATURE
    pairs = torch.arange(len(logits), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs))


def train_expert(corpus: Corpus, seed: int = 0) -> SyncExpert:
    """A new expert."""
    torch.manual_seed(seed)
    expert = SyncExpert(corpus.statistics).to(corpus.device)
    optimizer = torch.optim.AdamW(expert.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=_STEPS)
    for step in range(_STEPS):
        random = np.random.default_rng((seed, step))
        generator = torch.Generator(corpus.device).manual_seed(step)
        batch = vary(corpus.batch(32, _FRAMES, 0, LOOKAHEAD, random), generator)
        loss = contrastive_loss(expert, batch, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if (step + 1) % 200 == 0:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    return expert.requires_grad_(False).eval()


def _tower(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(channels, _CHANNELS, 1),
        nn.GELU(),
        nn.Conv1d(_CHANNELS, _CHANNELS, 5),
        nn.GELU(),
        nn.Conv1d(_CHANNELS, _CHANNELS, 3),
        nn.GELU(),
        nn.Conv1d(_CHANNELS, _WIDTH, 1),
    )
