"""The published LivePortrait networks under synthetic weights, built once for all tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor, nn

from renderer.liveportrait import folding
from renderer.liveportrait.appearance import AppearanceExtractor
from renderer.liveportrait.generator import Generator
from renderer.liveportrait.motion_extractor import MotionExtractor
from renderer.liveportrait.stitching import STITCHING, KeypointMLP
from renderer.liveportrait.warping import WarpingNetwork
from tests.parity import GOLDEN, fill, manifest

ModuleT = TypeVar("ModuleT", bound=nn.Module)

MLPS = {
    "retarget_shoulder": STITCHING,
    "retarget_mouth": (65, 128, 128, 64, 63),
    "retarget_eye": (66, 256, 256, 128, 128, 64, 63),
}


def published_state(name: str) -> dict[str, Tensor]:
    """Synthetic weights of a published file, under its own keys."""
    return fill(manifest(name), f"{name}:")


def _build(
    kind: Callable[[], ModuleT],
    fold: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    name: str,
) -> ModuleT:
    with torch.device("meta"):
        module = kind()
    module.load_state_dict(fold(published_state(name)), assign=True)
    return module.requires_grad_(False).eval()


@lru_cache
def appearance() -> AppearanceExtractor:
    name = "appearance_feature_extractor"
    return _build(AppearanceExtractor, folding.fold_appearance, name)


@lru_cache
def motion() -> MotionExtractor:
    return _build(MotionExtractor, folding.fold_motion, "motion_extractor")


@lru_cache
def warping() -> WarpingNetwork:
    return _build(WarpingNetwork, folding.fold_warping, "warping_module")


@lru_cache
def generator() -> Generator:
    return _build(Generator, folding.fold_generator, "spade_generator")


@lru_cache
def keypoint_mlp(name: str, last_layer: float = 1.0) -> KeypointMLP:
    """One of the three MLPs of the stitching file, with its last layer scaled."""
    stored = json.loads((GOLDEN / "manifest_stitching_retargeting_module.json").read_text())
    shapes = {key: tuple(entry["shape"]) for key, entry in stored[name].items()}
    module = KeypointMLP(MLPS[name])
    module.load_state_dict(fill(shapes, f"{name}:"))
    module.requires_grad_(False)
    for parameter in module.mlp[-1].parameters():
        parameter.mul_(last_layer)
    return module.eval()
