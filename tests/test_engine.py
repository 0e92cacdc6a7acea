"""Engines: which one a machine gets, batches of fixed sizes, and that engines agree."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from inference.batches import StaticBatches
from inference.engine import EngineUnavailableError, build_engine, choose_engine, missing


class Mixing(nn.Module):
    """Rows do not see each other."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        out: Tensor = self.layer(torch.cat([left, right], dim=1).to(self.layer.weight.dtype))
        return out.float()


@pytest.fixture
def module() -> Mixing:
    torch.manual_seed(0)
    return Mixing().requires_grad_(False).eval()


EXAMPLES = {"left": torch.zeros(2, 2), "right": torch.zeros(2, 4)}


def test_batches_have_few_sizes_and_rows_stay_theirs() -> None:
    seen: list[int] = []

    def engine(x: Tensor, y: Tensor) -> Tensor:
        seen.append(len(x))
        return x + y

    run = StaticBatches(engine, (2, 4))
    x = torch.arange(11.0)[:, None]
    for rows, sizes in ((1, [2]), (2, [2]), (3, [4]), (11, [4, 4, 4])):
        seen.clear()
        torch.testing.assert_close(run(x[:rows], x[:rows]), 2 * x[:rows])
        assert seen == sizes
    seen.clear()
    run.warmed_up({"x": x[:2], "y": x[:2]})
    assert seen == [2, 4]
    with pytest.raises(ValueError, match="grow"):
        StaticBatches(engine, (4, 2))


def test_what_cannot_run_here_is_explained() -> None:
    assert choose_engine("cpu", "eager") == "eager"
    assert missing("compile", "cpu") == "it is used on CUDA devices only"
    with pytest.raises(EngineUnavailableError, match="tensorrt cannot be used: it needs an NVIDIA"):
        choose_engine("cpu", "tensorrt")


def test_the_choice_is_logged(module: Mixing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    build_engine(module, EXAMPLES, "out", wanted="eager", precision=torch.float16)
    assert caplog.messages == ["Mixing runs on cpu with engine eager, float32"]


@pytest.mark.filterwarnings("ignore")
def test_onnx_runtime_agrees_and_keeps_its_file(module: Mixing, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs onnx and onnxscript")
    inputs = (torch.randn(3, 2), torch.randn(3, 4))
    with pytest.raises(EngineUnavailableError, match="needs a folder"):
        build_engine(module, EXAMPLES, "out", wanted="onnxruntime")
    run = build_engine(module, EXAMPLES, "out", wanted="onnxruntime", cache=tmp_path)
    torch.testing.assert_close(run(*inputs), module(*inputs))
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    build_engine(module, EXAMPLES, "out", wanted="onnxruntime", cache=tmp_path)
    assert kept.stat().st_mtime_ns == written
    module.layer.weight += 1
    build_engine(module, EXAMPLES, "out", wanted="onnxruntime", cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2, "other weights are another file"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("kind", ["compile", "tensorrt"])
def test_gpu_engines_agree(module: Mixing, kind: str, tmp_path: Path) -> None:
    reason = missing(kind, "cuda")  # type: ignore[arg-type]
    if reason:
        pytest.skip(reason)
    module = module.cuda()
    examples = {name: value.cuda() for name, value in EXAMPLES.items()}
    inputs = (torch.randn(3, 2, device="cuda"), torch.randn(3, 4, device="cuda"))
    for precision in (torch.float32, torch.float16):
        run = build_engine(
            module,
            examples,
            "out",
            device="cuda",
            wanted=kind,  # type: ignore[arg-type]
            precision=precision,
            cache=tmp_path,
        )
        torch.testing.assert_close(run(*inputs), module(*inputs), atol=1e-2, rtol=1e-2)
