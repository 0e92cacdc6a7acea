"""The published MoDA files: checked once, then cached under our own names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from inference.weights import (
    check_tensors,
    find_file,
    read_cache,
    read_published,
    write_cache,
)
from motion.layout import MOTION_DIM
from motion.moda.config import PUBLISHED, MoDAConfig
from motion.moda.names import NULL_AUDIO, published_name
from motion.moda.network import MoDA
from motion.moda.normalisation import MotionStatistics

CONFIG: Final[MoDAConfig] = PUBLISHED
"""The network that the file is of."""

NETWORK_FILE: Final = "net-200.pth"
STATISTICS_FILE: Final = "mean.pt"
CACHE_FILES: Final = ("moda.safetensors", "motion_statistics.safetensors")

_NESTS: Final = ("state_dict", "model")
_UNUSED: Final = {"null_motion_feat": (1, 1, MOTION_DIM), "scheduler.sigmas": (1000,)}
"""Tensors of the file that inference does not use; like the null audio, they may be absent."""


def add(folder: Path, cache: Path) -> None:
    """Check the published files anywhere below ``folder`` and keep them in ``cache``.

    Raises CheckpointError and writes nothing if one is missing or wrong. The statistics come with
    the released code, not with the hub's files: without that file a copy of them is used.
    """
    network = read_network(find_file(folder, NETWORK_FILE))
    statistics = released_statistics()
    if any(folder.rglob(STATISTICS_FILE)):
        statistics = read_statistics(find_file(folder, STATISTICS_FILE))
    stored = {name: torch.from_numpy(getattr(statistics, name)) for name in ("mean", "std")}
    for name, tensors in zip(CACHE_FILES, (network, stored), strict=True):
        write_cache(cache / name, tensors)


def load(cache: Path, device: str = "cpu") -> tuple[MoDA, MotionStatistics]:
    """The network and the statistics that :func:`add` kept. Raises CheckpointError."""
    network, statistics = (read_cache(cache / name) for name in CACHE_FILES)
    mean, std = (statistics[name].numpy() for name in ("mean", "std"))
    return build(network).to(device), MotionStatistics(mean, std)


def build(state: Mapping[str, Tensor]) -> MoDA:
    """The published network with weights ``state`` under our names."""
    with torch.device("meta"):
        network = MoDA(CONFIG)
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


def read_network(path: Path) -> dict[str, Tensor]:
    """Weights of a published ``net-200.pth`` under our names, in float32.

    Raises CheckpointError. A file without the null audio feature gets :func:`default_null_audio`.
    """
    stored = _unnested(read_published(path))
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in MoDA(CONFIG).state_dict().items()}
    names = {published_name(name, CONFIG): name for name in shapes}
    expected = {theirs: tuple(shapes[ours]) for theirs, ours in names.items()}
    expected[NULL_AUDIO] = (1, 1, 1, 1, CONFIG.audio_features)
    optional = {NULL_AUDIO, *_UNUSED}
    checked = check_tensors(path, stored, expected | _UNUSED, optional)
    state = {
        ours: checked[theirs].float().reshape(shapes[ours])
        for theirs, ours in names.items()
        if theirs in checked
    }
    state.setdefault("null_audio", default_null_audio())
    return state


def default_null_audio() -> Tensor:
    """The "no audio" feature [768] for checkpoints without one: fixed N(0, 1) numbers.

    The released code then draws them at random, so they depend on all draws before.
    """
    philox = np.random.Generator(np.random.Philox(key=0))
    return torch.from_numpy(philox.standard_normal(CONFIG.audio_features, np.float32))


def read_statistics(path: Path) -> MotionStatistics:
    """Mean and deviation of a published ``mean.pt``. Raises CheckpointError."""
    shape = (1, MOTION_DIM)
    checked = check_tensors(path, read_published(path), {"mean": shape, "std": shape})
    return MotionStatistics(*(checked[name][0].float().numpy() for name in ("mean", "std")))


def released_statistics() -> MotionStatistics:
    """Mean and deviation of the released training set, to the last bit."""
    text = resources.files("motion.moda").joinpath("released_statistics.json").read_text()
    stored = json.loads(text)
    return MotionStatistics(*(np.array(stored[name], np.float32) for name in ("mean", "std")))


def _unnested(stored: dict[str, Any]) -> dict[str, Any]:
    """The state dict itself, without the nest or prefix that training frameworks put around it."""
    for nest in _NESTS:
        if isinstance(stored.get(nest), dict):
            stored = stored[nest]
    return {str(key).removeprefix("module."): value for key, value in stored.items()}
