"""Runs the two parts of the causal model on one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from motion.layout import FloatArray

Runner = Callable[[Mapping[str, npt.NDArray[Any]]], FloatArray]


def runner(path: Path, module: nn.Module) -> Runner:
    """Runs the ONNX file at ``path`` on one thread or, where there is none, ``module``."""
    if not path.exists():

        def eager(inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
            with torch.inference_mode():
                tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
                result: FloatArray = module(**tensors).numpy()
            return result

        return eager

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        result: FloatArray = session.run(None, inputs)[0]
        return result

    return run
