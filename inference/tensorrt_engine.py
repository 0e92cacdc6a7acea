"""A network run by TensorRT, built from our ONNX file: stock operators, no plugins."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

import torch
from torch import Tensor, nn

from inference.batches import BATCHES
from inference.files import replacing
from inference.onnx_engine import exported

logger = logging.getLogger(__name__)


MODULES: Final = ("tensorrt", "tensorrt_rtx")
"""TensorRT for data centres, and the one for the GPUs of personal computers."""


def installed() -> str | None:
    """Name of the TensorRT module that is installed."""
    return next((name for name in MODULES if importlib.util.find_spec(name)), None)


class TensorRTError(RuntimeError):
    """TensorRT refused a network; the text is its parser's."""


class TensorRTEngine:
    """Implements :data:`inference.engine.Engine` on the current CUDA stream; thread-safe."""

    def __init__(self, plan: bytes, trt: Any) -> None:
        runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise TensorRTError("the engine cannot be used on this device")
        self._context = engine.create_execution_context()
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        self._inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        (self._output,) = (n for n in names if n not in self._inputs)
        self._lock = Lock()

    @classmethod
    def build(
        cls,
        module: nn.Module,
        examples: Mapping[str, Tensor],
        output: str,
        folder: Path,
        batches: tuple[int, ...],
    ) -> TensorRTEngine:
        """Take the engine of ``module`` from ``folder``, or build and keep it (minutes)."""
        trt = importlib.import_module(installed() or MODULES[0])
        onnx = exported(module, examples, output, folder)
        device = torch.cuda.get_device_name().replace(" ", "-")
        sizes = "-".join(map(str, batches))
        path = onnx.with_name(f"{onnx.stem}-{device}-{trt.__version__}-{sizes}.plan")
        if not path.exists():
            logger.info("building the TensorRT engine %s", path.name)
            with replacing(path) as partial:
                partial.write_bytes(build_plan(trt, onnx, batches))
        return cls(path.read_bytes(), trt)

    def __call__(self, *inputs: Tensor) -> Tensor:
        kept = [value.contiguous() for value in inputs]
        stream = torch.cuda.current_stream()
        with self._lock:
            for name, value in zip(self._inputs, kept, strict=True):
                self._context.set_input_shape(name, tuple(value.shape))
                self._context.set_tensor_address(name, value.data_ptr())
            shape = tuple(self._context.get_tensor_shape(self._output))
            out = torch.empty(shape, device=kept[0].device)
            self._context.set_tensor_address(self._output, out.data_ptr())
            if not self._context.execute_async_v3(stream.cuda_stream):
                raise TensorRTError("the engine failed to run")
        for value in kept:
            value.record_stream(stream)
        return out


def build_plan(
    trt: Any, onnx: Path, batches: tuple[int, ...] = BATCHES, capability: Any = None
) -> bytes:
    """A serialised engine for the ONNX file, with the precisions of the file.

    ``trt`` is the module ``tensorrt`` or ``tensorrt_rtx``; the latter builds without a GPU for
    a compute ``capability`` (its enum). Raises TensorRTError with the parser's words.
    """
    log = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(log)
    # Newer releases, in which networks are always strongly typed, have no such flag.
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if flag is None else 1 << int(flag))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(onnx)):
        errors = "; ".join(parser.get_error(i).desc() for i in range(parser.num_errors))
        raise TensorRTError(f"{onnx.name}: {errors}")
    config = builder.create_builder_config()
    if capability is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(capability, 0)
    profile = builder.create_optimization_profile()
    for i in range(network.num_inputs):
        entry = network.get_input(i)
        usual = batches[len(batches) // 2]
        shapes = [(n, *tuple(entry.shape)[1:]) for n in (batches[0], usual, batches[-1])]
        if entry.shape[0] == -1:
            profile.set_shape(entry.name, *shapes)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise TensorRTError(f"{onnx.name}: TensorRT built no engine")
    return bytes(plan)
