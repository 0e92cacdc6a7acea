"""Runs the two parts of the causal model on one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from inference.onnx_engine import open_session
from motion.layout import FloatArray

Runner = Callable[[Mapping[str, npt.NDArray[Any]]], FloatArray]
"""Runs a part of the model on its inputs by name."""


def in_onnx_runtime(path: Path) -> Runner:
    """Runs the ONNX file at ``path``."""
    session = open_session(path, threads=1, spin=False)

    def run(inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        result: FloatArray = session.run(None, inputs)[0]
        return result

    return run


def in_torch(module: nn.Module) -> Runner:
    """Runs ``module`` itself, which is slower."""

    def run(inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        with torch.inference_mode():
            tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
            result: FloatArray = module(**tensors).numpy()
        return result

    return run
