"""A trained causal model on disk: weights, sizes and statistics in one safetensors file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file

from motion.moda.config import MoDAConfig
from motion.moda.network import MoDA
from motion.moda.normalisation import MotionStatistics


class ModelFileError(ValueError):
    """The file is no trained model, or one of another form."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    network: MoDA
    """In evaluation mode, float32."""
    statistics: MotionStatistics
    facts: Mapping[str, str]
    """How it was trained."""


def save_model(path: Path, model: TrainedModel) -> None:
    """Write ``model`` in half precision."""
    tensors = {
        f"network.{name}": value.detach().half().contiguous()
        for name, value in model.network.state_dict().items()
    }
    tensors["statistics.mean"] = torch.from_numpy(model.statistics.mean)
    tensors["statistics.std"] = torch.from_numpy(model.statistics.std)
    config = json.dumps(dataclasses.asdict(model.network.config))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={**model.facts, "config": config})


def load_model(path: Path) -> TrainedModel:
    """Read what :func:`save_model` wrote. Raises :class:`ModelFileError` or OSError."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            facts = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ModelFileError(f"{path} is not a safetensors file: {error}") from error
    if "config" not in facts:
        raise ModelFileError(f"{path} does not say which network it holds")
    try:
        sizes = json.loads(facts.pop("config"))
        config = MoDAConfig(**{**sizes, "audio_dilations": tuple(sizes["audio_dilations"])})
        statistics = MotionStatistics(
            *(tensors[f"statistics.{name}"].numpy() for name in ("mean", "std"))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} is of another version, or damaged: {error!r}") from error
    with torch.device("meta"):
        network = MoDA(config)
    weights = {
        name.removeprefix("network."): value
        for name, value in tensors.items()
        if name.startswith("network.")
    }
    try:
        network.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise ModelFileError(f"{path} does not fit its own configuration: {error}") from error
    return TrainedModel(network.requires_grad_(False).eval(), statistics, facts)
