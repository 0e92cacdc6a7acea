"""ONNX export of MoDA's three parts, with a free batch and fixed numbers of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from inference.onnx_file import OPSET as OPSET
from inference.onnx_file import write_onnx
from motion.moda.network import Conditions, MoDA, VelocityStep, step_inputs


@dataclass(frozen=True, slots=True)
class ExportedParts:
    """The files of one network; inputs and outputs carry the names of :mod:`.network`'s fields."""

    encode: Path
    """audio, emotion, identity -> audio_tokens, emotion_token, identity_token."""
    modulate: Path
    """time, emotion_token -> modulation."""
    velocity: Path
    """latent, audio_tokens, emotion_token, identity_token, previous, modulation, mask -> velocity;
    no ``mask`` where the network was exported without one."""


class _Encode(nn.Module):
    def __init__(self, network: MoDA) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: Tensor, emotion: Tensor, identity: Tensor) -> tuple[Tensor, ...]:
        nothing = audio.new_zeros(1, 1, self.network.config.motion)
        encoded = self.network.encode(Conditions(audio, emotion, identity, nothing))
        return encoded.audio, encoded.emotion, encoded.identity


class _Modulate(nn.Module):
    def __init__(self, network: MoDA) -> None:
        super().__init__()
        self.network = network

    def forward(self, time: Tensor, emotion: Tensor) -> Tensor:
        return self.network.modulate(time, emotion)


def export(
    network: MoDA, folder: Path, *, frames: int, audio: int, mask: Tensor | None = None
) -> ExportedParts:
    """Write ``network`` for windows of ``frames`` motion and ``audio`` audio frames to ``folder``.

    ``mask`` is an example [T, T] of the masks it will run under. Needs the packages of the extra
    ``export`` (onnx, onnxscript).
    """
    config = network.config
    parts = ExportedParts(*(folder / f"{name}.onnx" for name in ("encode", "modulate", "velocity")))

    def example(*shape: int) -> Tensor:
        return torch.zeros(2, *shape)

    write_onnx(
        _Encode(network),
        parts.encode,
        {
            "audio": example(audio, config.audio_layers, config.audio_features),
            "emotion": example(config.emotions),
            "identity": example(config.identity),
        },
        ("audio_tokens", "emotion_token", "identity_token"),
    )
    write_onnx(
        _Modulate(network),
        parts.modulate,
        {"time": example(), "emotion_token": example(config.width)},
        ("modulation",),
    )
    fixed = {} if mask is None else {"mask": mask}
    inputs = step_inputs(network, frames, audio)
    write_onnx(VelocityStep(network), parts.velocity, inputs, ("velocity",), fixed)
    return parts
