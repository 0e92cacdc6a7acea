"""Engines that run a network: torch eager, torch.compile, ONNX Runtime, TensorRT.

An engine is a function of tensors to a tensor, so its callers are the same for all of them.
:func:`build_engine` chooses the fastest that the machine can run and logs its choice.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, get_args

import torch
from torch import Tensor, nn

from inference.batches import BATCHES, StaticBatches

Engine = Callable[..., Tensor]
EngineKind = Literal["eager", "compile", "onnxruntime", "tensorrt"]
ENGINES: tuple[EngineKind, ...] = get_args(EngineKind)

_ON_CUDA: Final[tuple[EngineKind, ...]] = ("tensorrt", "compile", "eager")
_ON_CPU: Final[tuple[EngineKind, ...]] = ("eager",)
"""Best first. On a CPU, ONNX Runtime took 0.99 of torch's time for W + G and 0.82 for HuBERT (one
thread): not worth files of 400 MB to 1 GB and the minute that writing one takes."""

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
            if cuda:
                return "it is used on the CPU only"
            needed = ("onnx", "onnxscript", "onnxruntime")
        case "tensorrt":
            if not cuda:
                return "it needs an NVIDIA GPU"
            from inference.tensorrt_engine import installed

            needed = ("onnx", "onnxscript", installed() or "tensorrt or tensorrt-rtx")
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def choose_engine(device: str, wanted: EngineKind | None = None) -> EngineKind:
    """``wanted`` if it can run on ``device``; if None, the fastest that can.

    Raises EngineUnavailableError if the wanted one cannot run.
    """
    if wanted is None:
        best_first = _ON_CUDA if device.startswith("cuda") else _ON_CPU
        return next(kind for kind in best_first if missing(kind, device) is None)
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
    batches: tuple[int, ...] = BATCHES,
) -> Engine:
    """``module(*examples) -> output`` as an engine on ``device``; takes and gives float32.

    ``examples`` are the inputs in order, batch on axis 0, two rows each. Engines that are built
    from ONNX keep their files in ``cache``. A ``precision`` below float32 is used on CUDA; the
    module then gets weights of that type and casts its inputs itself, where it may. Engines of
    fixed shapes are built for ``batches``, which can take minutes.
    Raises EngineUnavailableError.
    """
    kind = choose_engine(device, wanted)
    if device.startswith("cuda") and precision != torch.float32:
        module = copy.deepcopy(module).to(precision)
    else:
        precision = torch.float32
    name, form = type(module).__name__, str(precision).removeprefix("torch.")
    logger.info("%s runs on %s with engine %s, %s", name, device, kind, form)
    match kind:
        case "eager":
            return _inference(module)
        case "compile":
            from inference.cuda_graphs import CudaGraphs

            compiled = torch.compile(module, dynamic=False)
            graphs = CudaGraphs(_inference(compiled))
            return StaticBatches(graphs, batches).warmed_up(examples)
        case "onnxruntime":
            from inference.onnx_engine import OnnxEngine

            return OnnxEngine.build(module, examples, output, _folder(kind, cache))
        case "tensorrt":
            from inference.tensorrt_engine import TensorRTEngine

            folder = _folder(kind, cache)
            engine = TensorRTEngine.build(module, examples, output, folder, batches)
            return StaticBatches(engine, batches).warmed_up(examples)


def _folder(kind: EngineKind, cache: Path | None) -> Path:
    if cache is None:
        raise EngineUnavailableError(f"engine {kind} needs a folder to keep its files in")
    return cache


def _inference(module: Callable[..., Tensor]) -> Engine:
    def run(*inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            return module(*inputs)

    return run
