"""Converts published weights for our networks: everything constant is folded in.

A batch norm after a convolution becomes part of it, spectral norm is divided out, a batch norm
without a convolution before it becomes a scale and a shift, and convolutions that share their input
become one. Each function takes and returns a state dict and does not modify its argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

State = dict[str, Tensor]

_BATCH_NORM_EPSILON: Final = 1e-5


def fold_appearance(published: Mapping[str, Tensor]) -> State:
    """Weights of :class:`~renderer.liveportrait.appearance.AppearanceExtractor`."""
    state = _fold_conv_norm_pairs(published)
    for i in range(6):
        block = f"resblocks_3d.3dr{i}"
        _fold_batch_norm(state, f"{block}.conv1", f"{block}.norm2", f"{block}.conv1")
        scale, shift = _batch_norm(state, f"{block}.norm1")
        state |= {f"{block}.scale": scale, f"{block}.shift": shift}
    return _rename(state, ((r"resblocks_3d\.3dr", "residual."), (r"down_blocks", "down")))


def fold_motion(published: Mapping[str, Tensor]) -> State:
    """Weights of :class:`~renderer.liveportrait.motion_extractor.MotionExtractor`."""
    state = {key: value.flatten() if ".grn." in key else value for key, value in published.items()}
    heads = ("kp", "exp", "scale", "t", "pitch", "yaw", "roll")
    _concatenate(state, [f"detector.fc_{head}" for head in heads], "detector.heads")
    return _rename(state, ((r"^detector\.", ""), (r"downsample_layers", "downsample")))


def fold_warping(published: Mapping[str, Tensor]) -> State:
    """Weights of :class:`~renderer.liveportrait.warping.WarpingNetwork`."""
    state = _fold_conv_norm_pairs(published)
    dense = "dense_motion_network"
    _fold_batch_norm(state, f"{dense}.compress", f"{dense}.norm", f"{dense}.compress")
    rules = (
        (r"^dense_motion_network\.hourglass\.encoder\.down_blocks", "hourglass.down"),
        (r"^dense_motion_network\.hourglass\.decoder\.up_blocks", "hourglass.up"),
        (r"^dense_motion_network\.hourglass\.decoder\.", "hourglass.last."),
        (r"^dense_motion_network\.", ""),
    )
    return _rename(state, rules)


def fold_generator(published: Mapping[str, Tensor]) -> State:
    """Weights of :class:`~renderer.liveportrait.generator.Generator`."""
    state = _fold_spectral_norms(published)
    for norm in sorted({key.split(".mlp_")[0] for key in state if ".mlp_gamma" in key}):
        _concatenate(state, [f"{norm}.mlp_gamma", f"{norm}.mlp_beta"], f"{norm}.gamma_beta")
    middle = [f"G_middle_{i}.norm_{j}.mlp_shared.0" for i in range(6) for j in (0, 1)]
    _concatenate(state, middle, "middle.shared")
    for up in ("up_0", "up_1"):
        _concatenate(state, [f"{up}.norm_{n}.mlp_shared.0" for n in "01s"], f"{up}.shared")
    rules = (
        (r"^G_middle_(\d)\.", r"middle.blocks.\1."),
        (r"^up_(\d)\.(?!shared)", r"up.\1.blocks.0."),
        (r"^up_(\d)\.shared", r"up.\1.shared"),
        (r"norm_(\w)\.gamma_beta", r"gamma_beta_\1"),
        (r"conv_img\.0", "image"),
    )
    return _rename(state, rules)


def _fold_conv_norm_pairs(published: Mapping[str, Tensor]) -> State:
    """``x.conv`` followed by batch norm ``x.norm`` becomes ``x``, for all x that have both."""
    state = dict(published)
    for key in published:
        block, found, _ = key.rpartition(".norm.running_mean")
        if found and f"{block}.conv.weight" in state:
            _fold_batch_norm(state, f"{block}.conv", f"{block}.norm", block)
    return state


def _fold_batch_norm(state: State, convolution: str, norm: str, name: str) -> None:
    """Replace ``convolution`` and the batch norm after it by one convolution ``name``."""
    scale, shift = _batch_norm(state, norm)
    weight, bias = state.pop(f"{convolution}.weight"), state.pop(f"{convolution}.bias")
    state[f"{name}.weight"] = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    state[f"{name}.bias"] = bias * scale + shift


def _batch_norm(state: State, norm: str) -> tuple[Tensor, Tensor]:
    """Remove a batch norm; what is left of it at inference is a scale and a shift."""
    names = ("weight", "bias", "running_mean", "running_var")
    weight, bias, mean, variance = (state.pop(f"{norm}.{name}") for name in names)
    state.pop(f"{norm}.num_batches_tracked")
    scale = weight * torch.rsqrt(variance + _BATCH_NORM_EPSILON)
    return scale, bias - mean * scale


def _fold_spectral_norms(published: Mapping[str, Tensor]) -> State:
    """Divide each weight by the norm that its stored singular vectors give."""
    state = dict(published)
    for key in published:
        layer, found, _ = key.rpartition(".weight_orig")
        if found:
            weight = state.pop(key)
            u, v = state.pop(f"{layer}.weight_u"), state.pop(f"{layer}.weight_v")
            state[f"{layer}.weight"] = weight / torch.dot(u, weight.flatten(1) @ v)
    return state


def _concatenate(state: State, layers: Sequence[str], name: str) -> None:
    """Replace ``layers`` over the same input by one whose outputs follow each other."""
    for leaf in ("weight", "bias"):
        state[f"{name}.{leaf}"] = torch.cat([state.pop(f"{layer}.{leaf}") for layer in layers])


def _rename(state: State, rules: Iterable[tuple[str, str]]) -> State:
    renamed = {}
    for key, value in state.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        renamed[key] = value.contiguous()
    return renamed
