"""Synthetic weights and inputs for parity tests: the fill that the golden files were made with.

Values come from a counter-based SplitMix64 keyed by a tensor's name, so they are the same bits on
every platform and numpy version. The rules of :func:`_tensor` give each kind of tensor a spread
with which the networks neither die nor explode.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

GOLDEN = Path(__file__).parent / "golden"

Array = npt.NDArray[np.float32]
Manifest = Mapping[str, tuple[int, ...]]


def unit(name: str, shape: tuple[int, ...]) -> Array:
    """Uniform values of zero mean and unit variance, a function of ``name`` and index only."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    bits = (z >> np.uint64(40)).astype(np.int32)
    uniform = (2 * bits - 2**24).astype(np.float32) * np.float32(2.0**-24)
    return (uniform * np.float32(3**0.5)).reshape(shape)


def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """:func:`unit` as a tensor."""
    return torch.from_numpy(unit(name, shape))


def manifest(name: str) -> Manifest:
    """Keys and shapes of a published file."""
    entries = json.loads((GOLDEN / f"manifest_{name}.json").read_text())
    return {key: tuple(entry["shape"]) for key, entry in entries.items()}


def fill(shapes: Manifest, prefix: str = "") -> dict[str, Tensor]:
    """Weights for every key of ``shapes``; ``prefix`` tells modules with equal keys apart."""
    done: dict[str, npt.NDArray[np.generic]] = {}
    for key in sorted(shapes, key=lambda k: (k.endswith("weight_v"), k)):
        done[prefix + key] = _tensor(prefix + key, shapes[key], done)
    return {key.removeprefix(prefix): torch.from_numpy(value) for key, value in done.items()}


def _tensor(
    key: str, shape: tuple[int, ...], done: Mapping[str, npt.NDArray[np.generic]]
) -> npt.NDArray[np.generic]:
    leaf = key.rsplit(".", 1)[-1]
    f = np.float32
    match leaf:
        case "num_batches_tracked":
            return np.zeros(shape, np.int64)
        case "running_mean":
            return f(0.1) * unit(key, shape)
        case "running_var":
            return f(1) + f(0.2) * np.abs(unit(key, shape))
        case "sigmas":
            return np.arange(1, 1001, dtype=f) / f(1000)
        case "null_audio_feat" | "null_motion_feat":
            return unit(key, shape)
        case "weight_u":
            left = unit(key, shape).astype(np.float64)
            return (left / np.linalg.norm(left)).astype(f)
        case "weight_v":
            weight = done[key[:-1] + "orig"].astype(np.float64)
            right = weight.reshape(len(weight), -1).T @ done[key[:-1] + "u"].astype(np.float64)
            return (right / np.linalg.norm(right)).astype(f)
        case "gamma":
            return f(0.5) * unit(key, shape)
        case "beta" | "bias":
            return f(0.05) * unit(key, shape)
    if len(shape) == 1:
        return f(1) + f(0.1) * unit(key, shape)
    return f(_spread(key, leaf, shape)) * unit(key, shape)


def _spread(key: str, leaf: str, shape: tuple[int, ...]) -> float:
    fan_in = int(np.prod(shape[1:]))
    if key.endswith("embedding_table.weight"):
        return 0.5
    if leaf == "weight_orig":
        return float(3.0 / fan_in**0.5)
    return float((2.0 / fan_in) ** 0.5 if len(shape) >= 4 else 1.0 / fan_in**0.5)


@lru_cache
def golden(name: str) -> dict[str, Array]:
    """Arrays of a golden file."""
    with np.load(GOLDEN / f"golden_{name}.npz") as arrays:
        return dict(arrays)
