"""TensorRT without a GPU: its parser and builder take our ONNX files (ahead of time)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from inference.onnx_engine import exported
from inference.tensorrt_engine import build_plan
from renderer.liveportrait.sampling import sample, translated


class Sampling(nn.Module):
    """The part of W that would be GridSample, which TensorRT lacks in 3-D."""

    def forward(
        self, volume: torch.Tensor, shift: torch.Tensor, grid: torch.Tensor
    ) -> torch.Tensor:
        rows = volume.flatten(2).transpose(1, 2)
        moved = translated(volume, shift).sum(dim=(1, 3, 4, 5))
        return sample(rows, (4, 8, 8), grid) + moved[:, None]


@pytest.mark.filterwarnings("ignore")
def test_the_samplers_parse_and_build(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs onnx and onnxscript")
    trt = pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx is not installed")
    examples = {
        "volume": torch.zeros(2, 3, 4, 8, 8),
        "shift": torch.zeros(2, 5, 3),
        "grid": torch.zeros(2, 7, 3),
    }
    path = exported(Sampling().eval(), examples, "out", tmp_path)
    plan = build_plan(trt, path, capability=trt.ComputeCapability.SM89)
    assert len(plan) > 1000
