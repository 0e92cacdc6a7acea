"""What the network learns: the flow's velocity on windows that are cut into chunks at random.

A window is trained as it is sampled (:mod:`motion.generator`): frames that are decided stand in
chunks of one, each told the frame before it, followed by one chunk of new frames, which are told
the last decided one. All frames of a window are on the flow path at the same flow time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from motion.keypoints import Keypoint
from motion.layout import MOTION_DIM, neutral_motion
from motion.moda.causal import LOOKAHEAD, mouth_dimensions
from motion.moda.masks import chunk_mask
from motion.moda.network import Conditions, MoDA
from motion.moda.normalisation import MotionStatistics
from motion.moda.sampler import TIME_SCALE
from motion.training.dataset import Batch
from motion.training.sync import REACH, SyncExpert, heard_with

_UPPER: Final = 3 * Keypoint.UPPER_INNER + 1
_LOWER: Final = 3 * Keypoint.LOWER_INNER + 1
_FROM_NOISE: Final = 0.5
"""Share of windows that start from noise alone, as the first of two steps does."""
_IN_SYNC: Final = 0.4
"""Cosine above which the sync expert is content (paper sec. 3.4)."""
_SHUT: Final = 0.01
_SOFTNESS: Final = 0.005
"""Gap between the lips in canonical units below which they are shut, and how sharply."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the parts of the loss."""

    mouth: float = 3.0
    """Of a number of the mouth in the flow loss, against 1 for all others."""
    gap: float = 1.0
    """Of the lip opening that the prediction implies, four times that where lips are shut."""
    closure: float = 0.2
    """Of whether the lips that the prediction implies are shut."""
    sync: float = 0.5
    """Of what the sync expert finds amiss, if there is one."""
    first_difference: float = 0.5
    second_difference: float = 0.25


@dataclass(frozen=True, slots=True)
class Partition:
    """A cut of N frames into chunks."""

    chunk_of: Tensor
    """Number of the chunk of each frame [N]."""
    start: Tensor
    """First frame of that chunk [N]."""


def random_partition(frames: int, random: np.random.Generator) -> Partition:
    """Runs of single frames and chunks of 2 to 9, in turn."""
    starts: list[int] = []
    single = bool(random.random() < 0.7)
    while len(starts) < frames:
        if single:
            run = int(random.integers(3, 15))
            starts += range(len(starts), len(starts) + run)
        else:
            size = int(random.choice((2, 3, 4, 5, 5, 7, 9)))
            starts += [len(starts)] * size
        single = not single
    start = torch.tensor(starts[:frames])
    number = torch.cumsum(torch.diff(start, prepend=start[:1]) != 0, dim=0)
    return Partition(number, start)


class FlowObjective:
    """Rectified flow with velocity losses (paper sec. 3.4) and a loss of the lip opening."""

    def __init__(
        self,
        statistics: MotionStatistics,
        weights: Weights | None = None,
        device: str = "cpu",
        expert: SyncExpert | None = None,
    ) -> None:
        self._weights = weights or Weights()
        self._expert = expert
        std = torch.from_numpy(statistics.std).to(device)
        mouth = torch.from_numpy(mouth_dimensions()).to(device)
        per_number = (1.0 + (self._weights.mouth - 1.0) * mouth) * (std > 0)
        self._per_number = per_number / per_number.sum()
        self._mouth = mouth.bool()
        gap = torch.zeros(MOTION_DIM, device=device)
        gap[_LOWER], gap[_UPPER] = std[_LOWER], -std[_UPPER]
        self._gap = gap / std[_LOWER].clamp(min=1e-6)
        # Softness and threshold of "shut" in the units of the gap, whose rest is where lips meet.
        rest = torch.from_numpy(statistics.normalise(neutral_motion())[0]).to(device)
        self._softness = _SOFTNESS / float(std[_LOWER].clamp(min=1e-6))
        self._shut = float(rest @ self._gap) + _SHUT / float(std[_LOWER].clamp(min=1e-6))

    def __call__(self, network: MoDA, batch: Batch, random: np.random.Generator) -> Tensor:
        """The loss of a batch; ``random`` decides the chunks, the noise and what is dropped."""
        generator = torch.Generator(batch.motion.device).manual_seed(int(random.integers(1 << 62)))
        target = batch.motion[:, 1:]
        size, frames, _ = target.shape
        partition = random_partition(frames, random)
        previous = self._history(batch.motion, partition, generator)

        sigma = _uniform((size, 1, 1), generator)
        sigma = torch.where(_uniform((size, 1, 1), generator) < _FROM_NOISE, 1.0, sigma)
        noise = self._noise(target, generator)
        latent = torch.lerp(target, noise, sigma)

        after = int(random.choice(LOOKAHEAD + 1, p=(0.1, 0.1, 0.8)))
        before = network.config.audio_before
        mask = chunk_mask(partition.chunk_of, frames + LOOKAHEAD, before=before, after=after)
        mask = mask.to(target.device)
        velocity = predict(network, batch, latent, sigma, previous, mask, generator)

        error = velocity - (noise - target)
        loss = (error.square() * self._per_number).sum(-1).mean()
        # The target less where the prediction ends up.
        off = sigma * error
        off_gap = (off * self._gap).sum(-1)
        gap = off_gap.square() * (1.0 + 3.0 * batch.closed)
        loss = loss + self._weights.gap * gap.mean()
        loss = loss + self._weights.closure * self._closure(target, off_gap, batch)
        for order, weight in (
            (1, self._weights.first_difference), (2, self._weights.second_difference)
        ):  # fmt: skip
            change = torch.diff(off, n=order, dim=1)
            loss = loss + weight * (change.square() * self._per_number).sum(-1).mean()
        if self._expert is not None:
            loss = loss + self._weights.sync * _out_of_sync(self._expert, batch, target - off)
        return loss

    def _closure(self, target: Tensor, off_gap: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of "the lips are shut", where somebody speaks.

        The squares above care for millimetres, the eye for whether lips meet.
        """
        true = (target * self._gap).sum(-1)
        shut = ((self._shut - true) / self._softness).sigmoid()
        logits = (self._shut - true + off_gap) / self._softness
        entropy = F.binary_cross_entropy_with_logits(logits, shut, reduction="none")
        return (entropy * batch.voice * (1.0 + 2.0 * batch.closed)).mean()

    def _history(self, motion: Tensor, partition: Partition, generator: torch.Generator) -> Tensor:
        """For each frame the one before its chunk, [B, N, 70], blurred by noise.

        A clean history would teach the mouth to follow itself instead of the sound.
        """
        size = len(motion)
        history = motion[:, partition.start.to(motion.device)]
        mouth = 1.0 * _uniform((size, 1, 1), generator)
        rest = 0.15 * _uniform((size, 1, 1), generator)
        strength = torch.where(self._mouth, mouth, rest)
        strength = strength * (_uniform((size, 1, 1), generator) < 0.8)
        return history + strength * _normal(history.shape, generator)

    def _noise(self, target: Tensor, generator: torch.Generator) -> Tensor:
        """Noise of unit deviation, or of less in the mouth: so samplers may turn it down."""
        size = len(target)
        temperature = 0.1 + 0.9 * _uniform((size, 1, 1), generator)
        lower = self._mouth & (_uniform((size, 1, 1), generator) < 0.6)
        return _normal(target.shape, generator) * torch.where(lower, temperature, 1.0)


def _out_of_sync(expert: SyncExpert, batch: Batch, motion: Tensor) -> Tensor:
    """How far below the threshold of the sync expert the lips of ``motion`` are in speech."""
    fit = expert.similarity(heard_with(batch), motion)
    return (F.relu(_IN_SYNC - fit) * batch.voice[:, REACH:-REACH]).mean()


def predict(
    network: MoDA,
    batch: Batch,
    latent: Tensor,
    sigma: Tensor,
    previous: Tensor,
    mask: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Velocity [B, N, 70]; with a ``generator`` some conditions of some windows are dropped."""
    size, frames, _ = latent.shape
    audio, emotion = batch.audio, batch.emotion
    identity = latent.new_zeros(size, network.config.identity)
    if generator is not None:
        # Motion is the same for every avatar: any keypoints may stand here.
        identity = 0.2 * _normal((size, network.config.identity), generator)
        identity = identity * (_uniform((size, 1), generator) < 0.9)
        silent = _uniform((size, 1, 1, 1), generator) < 0.1
        audio = torch.where(silent, network.null_audio, audio)
        nothing = torch.full((size,), network.config.no_emotion, device=latent.device)
        unknown = _uniform((size, 1), generator) < 0.1
        emotion = torch.where(unknown, network.emotions(nothing), emotion)
    encoded = network.encode(Conditions(audio, emotion, identity, previous))
    heard = encoded.audio[:, -(frames + LOOKAHEAD) :]
    modulation = network.modulate(sigma[:, 0, 0] * TIME_SCALE, encoded.emotion)
    encoded = type(encoded)(heard, encoded.emotion, encoded.identity, previous)
    return network.velocity(latent, encoded, modulation, mask)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)
