"""Classifier-free guidance over MoDA's conditions (paper eq. 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import torch
from torch import Tensor

from motion.moda.network import Conditions, MoDA

Droppable = Literal["audio", "emotion", "identity"]

RELEASED_WEIGHT: Final = 1.2


@dataclass(frozen=True, slots=True)
class Guidance:
    """Scales ``l`` for sets of conditions that are dropped together.

        v = (1 + sum l_d) v(all conditions) - sum l_d v(all without the set d)

    With a set of one condition each it is the paper's eq. 8; with {audio, emotion} as the only
    set it is the released two-way form of weight ``w = 1 + l``.
    """

    terms: tuple[tuple[frozenset[Droppable], float], ...] = ()

    @classmethod
    def released(cls, weight: float | None = None) -> Guidance:
        """Two-way form, by default of weight 1.2; 1 or less means no unconditional pass."""
        weight = RELEASED_WEIGHT if weight is None else weight
        if weight <= 1.0:
            return cls()
        return cls(((frozenset(("audio", "emotion")), weight - 1.0),))

    @classmethod
    def per_condition(
        cls, audio: float = 0.0, emotion: float = 0.0, identity: float = 0.0
    ) -> Guidance:
        """Eq. 8; a condition of scale 0 costs no pass."""
        scales: dict[Droppable, float] = {"audio": audio, "emotion": emotion, "identity": identity}
        return cls(tuple((frozenset((name,)), scale) for name, scale in scales.items() if scale))

    @property
    def passes(self) -> int:
        """Network evaluations per step, run as one batch."""
        return 1 + len(self.terms)

    def expand(self, network: MoDA, conditions: Conditions) -> Conditions:
        """``conditions`` of B windows followed by those without each dropped set: [B passes]."""
        variants = [conditions]
        variants += [drop(network, conditions, dropped) for dropped, _ in self.terms]
        return Conditions(
            audio=torch.cat([c.audio for c in variants]),
            emotion=torch.cat([c.emotion for c in variants]),
            identity=torch.cat([c.identity for c in variants]),
            previous=torch.cat([c.previous for c in variants]),
        )

    def combine(self, velocities: Tensor) -> Tensor:
        """Guided velocity [B, N, 70] from the batch of all passes."""
        full, *without = velocities.chunk(self.passes)
        guided = full
        for (_, scale), velocity in zip(self.terms, without, strict=True):
            guided = guided + scale * (full - velocity)
        return guided


UNGUIDED: Final = Guidance()


def drop(network: MoDA, conditions: Conditions, dropped: frozenset[Droppable]) -> Conditions:
    """``conditions`` with some of them replaced by what the network learned for "not given".

    Audio becomes the null feature in every frame and layer, emotion the table's last row,
    identity zero keypoints. The previous motion is never dropped.
    """
    if "audio" in dropped:
        conditions = replace(conditions, audio=network.null_audio.expand_as(conditions.audio))
    if "emotion" in dropped:
        nothing = torch.full((len(conditions.emotion),), network.config.no_emotion)
        emotion = network.emotions(nothing.to(conditions.emotion.device))
        conditions = replace(conditions, emotion=emotion)
    if "identity" in dropped:
        conditions = replace(conditions, identity=torch.zeros_like(conditions.identity))
    return conditions
