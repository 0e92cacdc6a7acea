"""The two parts that the causal generator runs per chunk, exported to ONNX with dynamic sizes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from inference.onnx_file import export_onnx
from motion.moda.network import MoDA, VelocityStep

EMBEDDER_FILE = "embedder.onnx"
"""audio [B, rows, features] -> tokens [B, rows, D]."""

VELOCITY_FILE = "velocity.onnx"
"""The network's :class:`~motion.moda.network.VelocityStep`: latent, previous [B, N, 70], audio
[B, N + ahead, D], emotion, identity [B, D], modulation [B, S], mask [T, T] -> [B, N, 70]."""


class Embedder(nn.Module):
    """The audio embedder by itself."""

    def __init__(self, network: MoDA) -> None:
        super().__init__()
        self.embedder = network.audio_embedder

    def forward(self, audio: Tensor) -> Tensor:
        tokens: Tensor = self.embedder(audio[:, :, None])
        return tokens


def export_causal(network: MoDA, folder: Path, lookahead: int) -> None:
    """Write the two files to ``folder``. Needs the packages onnx and onnxscript."""
    config = network.config
    batch = torch.export.Dim("batch", min=1, max=256)
    rows = torch.export.Dim("rows", min=2, max=4096)
    export_onnx(
        Embedder(network),
        folder / EMBEDDER_FILE,
        {"audio": torch.zeros(2, 24, config.audio_features)},
        ("tokens",),
        ({0: batch, 1: rows},),
    )
    frames = torch.export.Dim("frames", min=3, max=256)
    n = 12
    audio = n + lookahead
    with torch.no_grad():
        modulation = network.modulate(torch.zeros(2), torch.zeros(2, config.width))
    inputs = {
        "latent": torch.zeros(2, n, config.motion),
        "audio": torch.zeros(2, audio, config.width),
        "emotion": torch.zeros(2, config.width),
        "identity": torch.zeros(2, config.width),
        "previous": torch.zeros(2, n, config.motion),
        "modulation": modulation,
        "mask": torch.ones(n + audio + 2, n + audio + 2, dtype=torch.bool),
    }
    total = 2 * frames + lookahead + 2
    export_onnx(
        VelocityStep(network),
        folder / VELOCITY_FILE,
        inputs,
        ("velocity",),
        (
            {0: batch, 1: frames},
            {0: batch, 1: frames + lookahead},
            {0: batch},
            {0: batch},
            {0: batch, 1: frames},
            {0: batch},
            {0: total, 1: total},
        ),
    )
