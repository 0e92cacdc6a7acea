"""CUDA graphs: replay all kernels of a run with one launch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

import torch
from torch import Tensor

_RUNS_BEFORE_CAPTURE: Final = 3
"""Compilation, algorithm selection and allocation must be done before a capture."""


@dataclass(frozen=True, slots=True)
class _Captured:
    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    output: Tensor


class CudaGraphs:
    """Implements :data:`inference.engine.Engine`: one graph per batch size; thread-safe.

    torch.compile's own graphs are bound to the thread that captured them, but sessions are served
    by any.
    """

    def __init__(self, run: Callable[..., Tensor]) -> None:
        self._run = run
        self._captured: dict[int, _Captured] = {}
        self._lock = Lock()

    def __call__(self, *inputs: Tensor) -> Tensor:
        with self._lock, torch.inference_mode():
            batch = len(inputs[0])
            if batch not in self._captured:
                self._captured[batch] = self._capture(inputs)
            captured = self._captured[batch]
            for kept, value in zip(captured.inputs, inputs, strict=True):
                kept.copy_(value)
            captured.graph.replay()
            return captured.output.clone()

    def _capture(self, inputs: tuple[Tensor, ...]) -> _Captured:
        kept = [value.clone(memory_format=torch.contiguous_format) for value in inputs]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_RUNS_BEFORE_CAPTURE):
                self._run(*kept)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = self._run(*kept)
        return _Captured(graph, kept, output)
