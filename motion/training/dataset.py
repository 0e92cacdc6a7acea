"""Windows of the corpus as batches of tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motion.contract import EMOTIONS
from motion.layout import MOTION_DIM, FloatArray, neutral_motion
from motion.moda.causal import SILENCE, emotion_weights
from motion.moda.normalisation import MotionStatistics
from motion.training.corpus import FEATURE_FLOOR, FEATURE_STEP

_CONSTANT: Final = 1e-4
"""Numbers that move less than this carry nothing; their deviation is stored as zero."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B windows of N frames."""

    audio: Tensor
    """Features [B, past + N + ahead, 1, 160]."""
    noise: Tensor
    """Features of other windows, in which nobody speaks, of the same shape."""
    motion: Tensor
    """Normalised motion [B, 1 + N, 70]; the first is the frame before the window."""
    closed: Tensor
    """1 where the lips are shut for a bilabial [B, N]."""
    voice: Tensor
    """Share of each frame that is speech [B, N]."""
    emotion: Tensor
    """Weights over the emotion table [B, emotions]."""


class Corpus:
    """The shards of a folder in memory. Raises ValueError if there are none."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        paths = sorted(folder.glob("*.npz"))
        if not paths:
            raise ValueError(
                f"no shards (*.npz) in {folder}; make them with motion.training.corpus"
            )
        shards = [dict(np.load(path)) for path in paths]
        parts = {key: np.concatenate([s[key] for s in shards]) for key in shards[0]}
        self.device = device
        self._features = torch.from_numpy(parts["features"]).to(device)
        self._motion = torch.from_numpy(parts["motion"]).to(device)
        self._closed = torch.from_numpy(parts["closed"]).to(device)
        self._voice = torch.from_numpy(parts["voice"]).to(device)
        self._emotion = _emotion_weights(parts["emotion"], parts["intensity"]).to(device)
        self.statistics = _statistics(parts["motion"])
        # The shards leave out the scale of 1.
        self._mean = torch.from_numpy(self.statistics.mean - neutral_motion()[0]).to(device)
        self._scale = 1.0 / (torch.from_numpy(self.statistics.std).to(device) + 1e-5)
        self._held = min(32, max(1, len(self._features) // 10))
        silent = parts["voice"][: self.clips - self._held].max(axis=1) == 0.0
        self._silent = torch.from_numpy(np.flatnonzero(silent)).to(device)

    @property
    def clips(self) -> int:
        return len(self._features)

    def batch(
        self, size: int, frames: int, past: int, ahead: int, random: np.random.Generator,
        *, held_out: bool = False,
    ) -> Batch:  # fmt: skip
        """Random windows, of the last few clips (``held_out``) or of all others."""
        low, high = (
            (self.clips - self._held, self.clips) if held_out else (0, self.clips - self._held)
        )
        length = self._features.shape[1]
        clip = torch.from_numpy(random.integers(low, high, size)).to(self.device)
        start = torch.from_numpy(random.integers(1, length - frames - ahead + 1, size))
        start = start.to(self.device)
        heard = start[:, None] + torch.arange(-past, frames + ahead, device=self.device)
        audio = self._audio(clip, heard.clamp(min=0))
        audio[heard < 0] = SILENCE
        shown = start[:, None] + torch.arange(-1, frames, device=self.device)
        motion = (self._motion[clip[:, None], shown].float() - self._mean) * self._scale
        return Batch(
            audio=audio[:, :, None],
            noise=self._noise(size, past + frames + ahead, random)[:, :, None],
            motion=motion,
            closed=self._closed[clip[:, None], shown[:, 1:]].float(),
            voice=self._voice[clip[:, None], shown[:, 1:]].float(),
            emotion=self._emotion[clip],
        )

    def _audio(self, clip: Tensor, frames: Tensor) -> Tensor:
        """Features [B, M, 160] of ``frames [B, M]`` of clips [B]."""
        rows = self._features[clip[:, None], frames].float()
        return rows * FEATURE_STEP + FEATURE_FLOOR

    def _noise(self, size: int, length: int, random: np.random.Generator) -> Tensor:
        """Random windows [size, length, 160] of clips without speech; silence if there are none."""
        if len(self._silent) == 0:
            return torch.full((size, length, self._features.shape[2]), SILENCE, device=self.device)
        clip = self._silent[torch.from_numpy(random.integers(0, len(self._silent), size))]
        starts = random.integers(0, self._features.shape[1] - length + 1, size)
        start = torch.from_numpy(starts).to(self.device)
        return self._audio(clip, start[:, None] + torch.arange(length, device=self.device))


def _emotion_weights(emotion: npt.NDArray[np.uint8], intensity: FloatArray) -> Tensor:
    rows = [emotion_weights(EMOTIONS[e], float(i)) for e, i in zip(emotion, intensity, strict=True)]
    return torch.tensor(rows)


def _statistics(motion: npt.NDArray[np.float16]) -> MotionStatistics:
    flat = motion.reshape(-1, MOTION_DIM).astype(np.float32)
    std = flat.std(axis=0, dtype=np.float64).astype(np.float32)
    mean = flat.mean(axis=0, dtype=np.float64).astype(np.float32) + neutral_motion()[0]
    return MotionStatistics(mean, np.where(std < _CONSTANT, np.float32(0.0), std))
