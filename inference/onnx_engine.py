"""A network run by ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn

from inference.files import replacing
from inference.onnx_file import OPSET, write_onnx


def onnx_path(module: nn.Module, folder: Path) -> Path:
    """Where the ONNX file of ``module`` with its present weights belongs in ``folder``."""
    digest = hashlib.sha256(f"{OPSET} {torch.__version__} {module}".encode())
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy())
    return folder / f"{type(module).__name__}-{digest.hexdigest()[:16]}.onnx"


def exported(module: nn.Module, examples: Mapping[str, Tensor], output: str, folder: Path) -> Path:
    """The ONNX file of ``module`` in ``folder``, written if it is not there yet."""
    path = onnx_path(module, folder)
    if not path.exists():
        with replacing(path) as partial:
            write_onnx(module, partial, examples, (output,))
    return path


def open_session(path: Path, threads: int, *, spin: bool = True) -> onnxruntime.InferenceSession:
    """Open an ONNX file on the CPU; threads that ``spin`` wait for work without sleeping."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class OnnxEngine:
    """Implements :data:`inference.engine.Engine` on the CPU; thread-safe."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, torch.get_num_threads())
        self._names = [entry.name for entry in self._session.get_inputs()]

    @classmethod
    def build(
        cls,
        module: nn.Module,
        examples: Mapping[str, Tensor],
        output: str,
        folder: Path,
    ) -> OnnxEngine:
        """Export ``module`` into ``folder`` if need be and open it."""
        return cls(exported(module, examples, output, folder))

    def __call__(self, *inputs: Tensor) -> Tensor:
        arrays = {name: value.numpy() for name, value in zip(self._names, inputs, strict=True)}
        (out,) = self._session.run(None, arrays)
        return torch.from_numpy(out)
