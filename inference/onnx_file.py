"""Networks as ONNX files with stock operators, for engines other than torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

OPSET: Final = 20
MAX_BATCH: Final = 1024


def write_onnx(
    module: nn.Module,
    path: Path,
    batched: Mapping[str, Tensor],
    outputs: Sequence[str],
) -> None:
    """Export ``module(*batched)`` to ``path``; axis 0 of every input is dynamic.

    Every example has to be a tensor of its own with at least two rows: the exporter takes one
    given twice for a single input, and a batch of one for a constant. Needs the packages of the
    extra ``export``.
    """
    axis = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    export_onnx(module, path, batched, outputs, tuple({0: axis} for _ in batched))


def export_onnx(
    module: nn.Module,
    path: Path,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    dynamic_shapes: tuple[Any, ...],
) -> None:
    """Export ``module(*inputs)`` to ``path`` with the free sizes of :func:`torch.export.export`.

    The exporter notes for each node the lines of source that made it; these notes carry the paths
    of this machine and are left out. Needs the packages of the extra ``export``.
    """
    import onnx

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=list(outputs),
        opset_version=OPSET,
        dynamic_shapes=dynamic_shapes,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(path)
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in nodes:
            node.ClearField("metadata_props")
    onnx.save(model, path)
