"""Ways to run a network: torch as it is, torch compiled, ONNX Runtime, TensorRT.

An engine is a function of tensors to a tensor, so whoever runs a network need not know which of
them it is. :func:`build_engine` takes the best that the machine has and logs what it took.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

Engine = Callable[..., Tensor]
EngineKind = Literal["eager", "compile", "onnxruntime", "tensorrt"]
ENGINES: tuple[EngineKind, ...] = get_args(EngineKind)

_BEST_FIRST: tuple[EngineKind, ...] = ("tensorrt", "compile", "eager")

logger = logging.getLogger(__name__)


class EngineUnavailableError(RuntimeError):
    """This machine cannot run the engine that was asked for; the text says what is missing."""


def missing(kind: EngineKind, device: str) -> str | None:
    """Why ``kind`` cannot run on ``device``, or None if it can."""
    cuda = device.startswith("cuda")
    match kind:
        case "eager":
            needed: tuple[str, ...] = ()
        case "compile":
            if not cuda:
                return "it is used on CUDA devices only"
            needed = ("triton",)
        case "onnxruntime":
            needed = ("onnx", "onnxscript", "onnxruntime")
        case "tensorrt":
            if not cuda:
                return "it needs an NVIDIA GPU"
            needed = ("onnx", "onnxscript", "tensorrt")
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def choose_engine(device: str, wanted: EngineKind | None = None) -> EngineKind:
    """``wanted`` if it can run on ``device``, without a wish the fastest that can.

    Raises EngineUnavailableError if the wanted one cannot run.
    """
    if wanted is None:
        return next(kind for kind in _BEST_FIRST if missing(kind, device) is None)
    reason = missing(wanted, device)
    if reason:
        raise EngineUnavailableError(f"engine {wanted} cannot be used: {reason}")
    return wanted


def build_engine(
    module: nn.Module,
    examples: Mapping[str, Tensor],
    output: str,
    *,
    device: str = "cpu",
    wanted: EngineKind | None = None,
    precision: torch.dtype = torch.float32,
    cache: Path | None = None,
) -> Engine:
    """``module(*examples) -> output`` as an engine on ``device``.

    ``examples`` are the inputs in order, batch on axis 0, two rows each. Engines that are built
    from ONNX keep their files in ``cache``. ``precision`` below float32 applies on CUDA.
    Raises EngineUnavailableError.
    """
    kind = choose_engine(device, wanted)
    name = type(module).__name__
    logger.info("%s runs on %s with engine %s, %s", name, device, kind, precision)
    match kind:
        case "eager":
            return _eager(module, precision)
        case "compile":
            compiled = torch.compile(module, mode="max-autotune", dynamic=False)
            return _eager(compiled, precision)
        case "onnxruntime":
            from motion.onnx_engine import OnnxEngine

            return OnnxEngine.build(module, examples, output, _folder(kind, cache), device)
        case "tensorrt":
            from motion.tensorrt_engine import TensorRTEngine

            folder = _folder(kind, cache)
            return TensorRTEngine.build(module, examples, output, folder, precision)


def _folder(kind: EngineKind, cache: Path | None) -> Path:
    if cache is None:
        raise EngineUnavailableError(f"engine {kind} needs a folder to keep its files in")
    return cache


def _eager(module: Callable[..., Tensor], precision: torch.dtype) -> Engine:
    def run(*inputs: Tensor) -> Tensor:
        device = inputs[0].device.type
        lower = device == "cuda" and precision != torch.float32
        with torch.inference_mode(), torch.autocast(device, dtype=precision, enabled=lower):
            return module(*inputs)

    return run
