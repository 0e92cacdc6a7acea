"""The published LivePortrait files: checked once, folded, then cached."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn

from inference.weights import (
    CheckpointError,
    Shapes,
    check_tensors,
    find_file,
    read_cache,
    read_published,
    write_cache,
)
from renderer.liveportrait import folding
from renderer.liveportrait.appearance import AppearanceExtractor
from renderer.liveportrait.generator import Generator
from renderer.liveportrait.motion_extractor import MotionExtractor
from renderer.liveportrait.stitching import STITCHING, KeypointMLP
from renderer.liveportrait.warping import WarpingNetwork

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Fold = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]

STITCHING_FILE: Final = "stitching_retargeting_module"
_STITCHING_NET: Final = "retarget_shoulder"

_FOLDS: Final[dict[str, Fold]] = {
    "appearance_feature_extractor": folding.fold_appearance,
    "motion_extractor": folding.fold_motion,
    "warping_module": folding.fold_warping,
    "spade_generator": folding.fold_generator,
}


@dataclass(frozen=True, slots=True)
class LivePortrait:
    """The five networks, ready to run."""

    appearance: AppearanceExtractor
    motion: MotionExtractor
    warping: WarpingNetwork
    generator: Generator
    stitching: KeypointMLP

    @property
    def device(self) -> str:
        return str(next(self.appearance.parameters()).device)


def add(folder: Path, cache: Path) -> None:
    """Check the published files anywhere below ``folder`` and keep them, folded, in ``cache``.

    Raises CheckpointError and writes nothing if one is missing or wrong.
    """
    folded = {
        name: fold(read_network(find_file(folder, f"{name}.pth"), name))
        for name, fold in _FOLDS.items()
    }
    folded[STITCHING_FILE] = read_stitching(find_file(folder, f"{STITCHING_FILE}.pth"))
    for name, state in folded.items():
        write_cache(cache / f"{name}.safetensors", state)


def load(cache: Path, device: str = "cpu") -> LivePortrait:
    """The networks that :func:`add` kept. Raises CheckpointError."""

    def build(kind: Callable[[], ModuleT], name: str) -> ModuleT:
        with torch.device("meta"):
            module = kind()
        module.load_state_dict(read_cache(cache / f"{name}.safetensors"), assign=True)
        return module.to(device).requires_grad_(False).eval()

    return LivePortrait(
        appearance=build(AppearanceExtractor, "appearance_feature_extractor"),
        motion=build(MotionExtractor, "motion_extractor"),
        warping=build(WarpingNetwork, "warping_module"),
        generator=build(Generator, "spade_generator"),
        stitching=build(lambda: KeypointMLP(STITCHING), STITCHING_FILE),
    )


def read_network(path: Path, name: str) -> dict[str, Tensor]:
    """Tensors of the published file ``name``, in float32. Raises CheckpointError."""
    checked = check_tensors(path, read_published(path), published_shapes()[name])
    return {key: value.float() for key, value in checked.items()}


def read_stitching(path: Path) -> dict[str, Tensor]:
    """Weights of the stitching network in the published file of three MLPs."""
    flat: dict[str, Any] = {}
    for net, state in read_published(path).items():
        if not isinstance(state, dict):
            raise CheckpointError(path, [f"{net} is not a state dict"])
        flat |= {f"{net}.{key.removeprefix('module.')}": value for key, value in state.items()}
    checked = check_tensors(path, flat, published_shapes()[STITCHING_FILE])
    prefix = f"{_STITCHING_NET}."
    return {
        key.removeprefix(prefix): value.float()
        for key, value in checked.items()
        if key.startswith(prefix)
    }


@lru_cache
def published_shapes() -> dict[str, Shapes]:
    """Keys and shapes of every published file, by its name without the suffix."""
    text = resources.files("renderer.liveportrait").joinpath("manifests.json").read_text()
    return {
        name: {key: tuple(shape) for key, shape in tensors.items()}
        for name, tensors in json.loads(text).items()
    }
