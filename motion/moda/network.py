"""The MoDA network: noisy motion, speech, emotion and identity to the flow's velocity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from motion.moda.blocks import AdaLN, Head, JointBlock, SingleBlock
from motion.moda.config import MoDAConfig
from motion.moda.layers import TimeEmbedder, audio_embedder, mlp, rotations


@dataclass(frozen=True, slots=True)
class Conditions:
    """What steers the motion of B windows."""

    audio: Tensor
    """Speech features [B, M, layers, features]; M is N frames and those ahead, if any."""
    emotion: Tensor
    """Weights over the emotion table [B, emotions]; a one-hot row picks one emotion."""
    identity: Tensor
    """Canonical keypoints [B, 63]."""
    previous: Tensor
    """Normalised motion [B, 1, 70] of the frame before the window."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Conditions as the blocks see them; they do not depend on the flow time."""

    audio: Tensor
    """[B, M, D]"""
    emotion: Tensor
    """[B, D]"""
    identity: Tensor
    """[B, D]"""
    previous: Tensor
    """[B, 1, 70]"""


class MoDA(nn.Module):
    """Multimodal diffusion transformer of MoDA, sec. 3.2 ("coarse to fine").

    :meth:`forward` is the whole network. Samplers call its three parts, because
    :meth:`encode` is the same for all steps of a window and :meth:`modulate` for all windows
    of an emotion. Tokens stand in the order motion, audio, emotion, identity in every stage,
    so one attention mask [T, T] serves all of them (:mod:`motion.moda.masks`).
    """

    null_audio: Tensor

    def __init__(self, config: MoDAConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.motion_embedder = mlp(2 * config.motion, width)
        self.audio_embedder = audio_embedder(config)
        self.identity_embedder = mlp(config.identity, width)
        self.emotion_table = nn.Parameter(torch.randn(config.emotions, width))
        self.time_embedder = TimeEmbedder(config)
        self.null_audio = nn.Parameter(torch.randn(config.audio_features))

        self.four_stream = nn.ModuleList(JointBlock(config, 4) for _ in range(config.four_stream))
        self.two_stream = nn.ModuleList(JointBlock(config, 2) for _ in range(config.two_stream))
        self.single_stream = nn.ModuleList(SingleBlock(config) for _ in range(config.single_stream))
        self.head = Head(config)
        self._adaln = tuple(m for m in self.modules() if isinstance(m, AdaLN))

    def forward(
        self, latent: Tensor, time: Tensor, conditions: Conditions, mask: Tensor | None = None
    ) -> Tensor:
        """Velocity (noise - motion) of ``latent [B, N, 70]`` at ``time [B]`` in 0..1000."""
        encoded = self.encode(conditions)
        return self.velocity(latent, encoded, self.modulate(time, encoded.emotion), mask)

    def encode(self, conditions: Conditions) -> Encoded:
        """The part that does not depend on the flow."""
        return Encoded(
            audio=self.audio_embedder(conditions.audio),
            emotion=conditions.emotion @ self.emotion_table,
            identity=self.identity_embedder(conditions.identity),
            previous=conditions.previous,
        )

    def modulate(self, time: Tensor, emotion: Tensor) -> Tensor:
        """adaLN of all blocks [B, sum of their sizes] at ``time [B]`` for ``emotion [B, D]``."""
        vector = self.time_embedder(time) + emotion
        return torch.cat([adaln(vector) for adaln in self._adaln], dim=-1)

    def velocity(
        self, latent: Tensor, encoded: Encoded, modulation: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """The transformer itself: embedded streams, merged step by step."""
        frames, ahead = latent.shape[1], encoded.audio.shape[1]
        previous = encoded.previous.expand(-1, frames, -1)
        motion = self.motion_embedder(torch.cat([previous, latent], dim=-1))
        repeats = frames if self.config.repeat_conditions else 1
        emotion = encoded.emotion[:, None].expand(-1, repeats, -1)
        identity = encoded.identity[:, None].expand(-1, repeats, -1)
        still = torch.zeros(repeats, device=latent.device)
        clock = torch.arange(max(frames, ahead), device=latent.device)
        adaln = iter(torch.split(modulation, [a.size for a in self._adaln], dim=-1))

        streams = [motion, encoded.audio, emotion, identity]
        rotation = self._rotations([clock[:frames], clock[:ahead], still, still])
        for block in self.four_stream:
            streams = block(streams, [next(adaln) for _ in streams], rotation, mask)

        streams = [streams[0], torch.cat(streams[1:], dim=1)]
        rotation = self._rotations(
            [clock[:frames], clock[:ahead], clock[:repeats], clock[:repeats]]
        )
        for block in self.two_stream:
            streams = block(streams, [next(adaln) for _ in streams], rotation, mask)

        tokens = torch.cat(streams, dim=1)
        for block in self.single_stream:
            tokens = block(tokens, next(adaln), rotation, mask)

        velocity: Tensor = self.head(tokens[:, :frames], next(adaln))
        return velocity

    def emotions(self, index: Tensor) -> Tensor:
        """Emotion weights [B, emotions] that pick the table's rows ``index [B]``."""
        return nn.functional.one_hot(index, self.config.emotions).to(self.emotion_table.dtype)

    def _rotations(self, positions: list[Tensor]) -> Tensor:
        return rotations(torch.cat(positions), self.config.head_width, self.config.rope_theta)


class VelocityStep(nn.Module):
    """One evaluation within a step, with encoded conditions and cached adaLN: what engines run."""

    def __init__(self, network: MoDA) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        latent: Tensor,
        audio: Tensor,
        emotion: Tensor,
        identity: Tensor,
        previous: Tensor,
        modulation: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        encoded = Encoded(audio, emotion, identity, previous)
        return self.network.velocity(latent, encoded, modulation, mask)


def step_inputs(
    network: MoDA, frames: int, audio: int | None = None, batch: int = 2
) -> dict[str, Tensor]:
    """Zeros in the shapes that :class:`VelocityStep` takes, by name, for ``audio`` tokens (as many
    as ``frames`` if None)."""
    config, like = network.config, network.emotion_table

    def zeros(*shape: int) -> Tensor:
        """A tensor of its own: exporters take one given twice for a single input."""
        return like.new_zeros(batch, *shape)

    with torch.no_grad():
        modulation = network.modulate(zeros(), zeros(config.width))
    return {
        "latent": zeros(frames, config.motion),
        "audio_tokens": zeros(frames if audio is None else audio, config.width),
        "emotion_token": zeros(config.width),
        "identity_token": zeros(config.width),
        "previous": zeros(1, config.motion),
        "modulation": modulation,
    }
