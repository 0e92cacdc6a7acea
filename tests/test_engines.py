"""Engines: the choice, and the same numbers from each that this machine has."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from motion.engine import ENGINES, EngineUnavailableError, build_engine, choose_engine, missing


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.factor * x + y


EXAMPLES = {"x": torch.ones(2, 3), "y": torch.zeros(2, 3)}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ENGINES)
def test_every_engine_agrees_with_torch(kind: str, tmp_path: Path) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    reason = missing(kind, device)  # type: ignore[arg-type]
    if reason:
        pytest.skip(f"{kind}: {reason}")
    module = Scale(2.0).to(device).eval()
    examples = {name: value.to(device) for name, value in EXAMPLES.items()}
    engine = build_engine(
        module,
        examples,
        "z",
        device=device,
        wanted=kind,
        cache=tmp_path,  # type: ignore[arg-type]
    )
    for batch in (1, 2, 5):
        x, y = torch.randn(2, batch, 3, device=device)
        torch.testing.assert_close(engine(x, y), 2 * x + y)


@pytest.mark.filterwarnings("ignore")
def test_onnx_files_are_kept_by_weights(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs onnx and onnxscript")
    for factor in (2.0, 3.0, 2.0):
        module = Scale(factor).eval()
        build_engine(module, EXAMPLES, "z", wanted="onnxruntime", cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_choice_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        build_engine(Scale(1.0), EXAMPLES, "z")
    assert "Scale runs on cpu with engine eager" in caplog.text


def test_engines_that_cannot_run_say_why() -> None:
    with pytest.raises(EngineUnavailableError, match="tensorrt cannot be used: it needs an NVIDIA"):
        choose_engine("cpu", "tensorrt")
    with pytest.raises(EngineUnavailableError, match="CUDA devices only"):
        choose_engine("cpu", "compile")
    with pytest.raises(EngineUnavailableError, match="folder"):
        build_engine(Scale(1.0), EXAMPLES, "z", wanted="onnxruntime")
    assert choose_engine("cpu") == "eager"
