"""Rectified-flow sampling: Euler steps from noise (flow time 1) to motion (flow time 0)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from motion.moda.guidance import UNGUIDED, Guidance
from motion.moda.network import Conditions, MoDA, VelocityStep

Schedule = tuple[float, ...]
"""Flow times from 1 (noise) down to 0 (motion); a step leads from each to the next."""

TIME_SCALE: Final = 1000.0
"""The network's time is the flow time in thousandths."""


@lru_cache
def released_schedule(*, last_step: bool = True) -> Schedule:
    """The released flow times 1, 0.889, ..., 0.112, 0.001, 0.

    Without ``last_step`` the ninth step goes from 0.112 straight to 0: a tenth less work for a
    change of the result of at most 0.001 of the velocity.
    """
    sigmas = tuple(round(1.0 - 0.111 * i, 3) for i in range(10))
    return (*sigmas, 0.0) if last_step else (*sigmas[:-1], 0.0)


@lru_cache
def uniform_schedule(steps: int) -> Schedule:
    """``steps`` equal steps. Raises ValueError for fewer than one."""
    if steps < 1:
        raise ValueError(f"sampling takes at least one step, not {steps}")
    return tuple(1.0 - i / steps for i in range(steps + 1))


@dataclass(frozen=True, slots=True)
class KnownFrames:
    """Frames of a window that are already decided and are held on the flow path."""

    motion: Tensor
    """Normalised motion [B, N, 70]; rows of unknown frames are ignored."""
    known: Tensor
    """[B, N] bool."""

    def hold(self, latent: Tensor, noise: Tensor, sigma: float) -> Tensor:
        """``latent`` with its known frames where the straight path has them at ``sigma``."""
        path = torch.lerp(self.motion, noise, sigma)
        return torch.where(self.known[..., None], path, latent)


def euler(
    velocity: Callable[[Tensor, int], Tensor],
    noise: Tensor,
    schedule: Schedule,
    known: KnownFrames | None = None,
    on_step: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Motion [B, N, 70] from ``noise`` [B, N, 70] under ``velocity(latent, step index)``.

    ``on_step`` sees the latent after every step.
    """
    latent = noise
    for step, (sigma, target) in enumerate(pairwise(schedule)):
        latent = latent + (target - sigma) * velocity(latent, step)
        if known is not None:
            latent = known.hold(latent, noise, target)
        if on_step is not None:
            on_step(latent)
    return latent


KEPT: Final = 32
"""Emotions whose modulations are kept."""


class Modulations:
    """adaLN of every step of a schedule, kept per emotion: it depends on nothing else.

    Holds the latest :data:`KEPT` emotions (5.6 MB each for the published network and ten steps).
    """

    def __init__(self, network: MoDA, schedule: Schedule) -> None:
        self._network = network
        self._times = torch.tensor(schedule[:-1], dtype=torch.float32) * TIME_SCALE
        self._kept: dict[tuple[float, ...], Tensor] = {}

    def __call__(self, emotion: Tensor) -> Tensor:
        """[steps, B, sizes] for emotion weights ``emotion [B, emotions]``."""
        return torch.stack([self._steps(row) for row in emotion], dim=1)

    def _steps(self, emotion: Tensor) -> Tensor:
        key = tuple(emotion.tolist())
        kept = self._kept.pop(key, None)
        if kept is None:
            token = (emotion @ self._network.emotion_table).expand(len(self._times), -1)
            kept = self._network.modulate(self._times.to(token.device), token)
        self._kept[key] = kept  # now the youngest
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return kept


@torch.inference_mode()
def sample(
    network: MoDA,
    conditions: Conditions,
    noise: Tensor,
    *,
    schedule: Schedule,
    guidance: Guidance = UNGUIDED,
    known: KnownFrames | None = None,
    modulations: Modulations | None = None,
    run: Callable[..., Tensor] | None = None,
    on_step: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Normalised motion [B, N, 70] of B windows, all passes of a step in one batch.

    ``modulations`` are those of the same network and schedule, if they are kept; ``run`` is an
    engine of the network's :class:`~motion.moda.network.VelocityStep`.
    """
    expanded = guidance.expand(network, conditions)
    encoded = network.encode(expanded)
    adaln = (modulations or Modulations(network, schedule))(expanded.emotion)
    run = run or VelocityStep(network)

    def velocity(latent: Tensor, step: int) -> Tensor:
        batch = latent.repeat(guidance.passes, 1, 1)
        given = (encoded.audio, encoded.emotion, encoded.identity, encoded.previous)
        return guidance.combine(run(batch, *given, adaln[step]))

    return euler(velocity, noise, schedule, known, on_step)
