"""A folder as users bring it, with all published files: LivePortrait in full size but with one
stored number per tensor, MoDA and HuBERT of the same kind but small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import HubertConfig, HubertModel

from motion.moda.config import PUBLISHED
from motion.moda.names import NULL_AUDIO, published_name
from motion.moda.network import MoDA
from renderer.liveportrait.checkpoint import STITCHING_FILE, published_shapes
from tests.test_liveportrait_landmarks import FACES, constant_model, detector_outputs

SMALL = replace(
    PUBLISHED,
    width=32,
    heads=2,
    four_stream=1,
    two_stream=1,
    single_stream=1,
    audio_layers=2,
    audio_features=16,
)


_FILL = {"motion_extractor": 0.04, STITCHING_FILE: 0.0}
"""With these a portrait's size and keypoints are about 1, and stitching corrects nothing."""


def write_published_files(folder: Path) -> None:
    """For a loader that expects a MoDA of the size :data:`SMALL`."""
    torch.manual_seed(0)
    write_moda(folder / "moda")
    write_hubert(folder / "audio" / "chinese-hubert-base")
    write_liveportrait(folder / "decode" / "first_stage")
    write_landmarks(folder / "decode" / "insightface")


def write_moda(folder: Path) -> None:
    folder.mkdir(parents=True)
    state = {published_name(k, SMALL): v for k, v in MoDA(SMALL).state_dict().items()}
    state[NULL_AUDIO] = state[NULL_AUDIO].view(1, 1, 1, 1, -1)
    torch.save(state, folder / "net-200.pth")


def write_hubert(folder: Path) -> None:
    folder.mkdir(parents=True)
    config = HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    config.save_pretrained(folder)
    state = {}
    for key, value in HubertModel(config).state_dict().items():
        for part, name in (("original0", "weight_g"), ("original1", "weight_v")):
            key = key.replace(f"parametrizations.weight.{part}", name)
        state[key] = value
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))


def write_liveportrait(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, shapes in published_shapes().items():
        value = torch.tensor(_FILL.get(name, 0.5))
        tensors: dict[str, Any] = {key: value.expand(shape) for key, shape in shapes.items()}
        if name == STITCHING_FILE:
            nets = {key.partition(".")[0] for key in tensors}
            tensors = {
                net: {k.partition(".")[2]: v for k, v in tensors.items() if k.startswith(net)}
                for net in nets
            }
        torch.save(tensors, folder / f"{name}.pth")


def write_landmarks(folder: Path) -> None:
    folder.mkdir(parents=True)
    points = np.linspace(-0.5, 0.5, 212, dtype=np.float32)[None]
    constant_model(folder / "2d106det.onnx", [points], 192)
    constant_model(folder / "det_10g.onnx", detector_outputs(FACES), 512)
