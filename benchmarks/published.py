"""What the published networks cost here, with random weights: ``python -m benchmarks.published``.

On a CPU they are also compared with W written with GridSample, as published, in the same run; on a
GPU also with the rate that it reaches in a plain matrix product. Sessions are as many as W and G
alone would allow at 25 fps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import show
from inference.engine import ENGINES, EngineKind, build_engine, missing
from motion.contract import SAMPLES_PER_FRAME
from motion.layout import FPS
from motion.moda.config import PUBLISHED
from motion.moda.guidance import Guidance
from motion.moda.hubert import WINDOW as HUBERT_WINDOW
from motion.moda.network import MoDA, VelocityStep, step_inputs
from motion.moda.windows import WINDOW
from renderer.liveportrait.appearance import CHANNELS, AppearanceExtractor
from renderer.liveportrait.decoder import WarpAndGenerate, decoder_inputs
from renderer.liveportrait.generator import Generator
from renderer.liveportrait.motion_extractor import MotionExtractor
from renderer.liveportrait.sampling import axis
from renderer.liveportrait.warping import COMPRESSED, MOTIONS, SIZE, VOLUME, WarpingNetwork


class GridSampleWarping(WarpingNetwork):
    """W as published: it samples the volume by GridSample, once per motion and once to warp."""

    def forward(self, rows: Tensor, compressed: Tensor, source: Tensor, moved: Tensor) -> Tensor:
        depth = VOLUME[0]
        z, y, x = torch.meshgrid(*(axis(size, moved) for size in VOLUME), indexing="ij")
        grid = torch.stack([x, y, z], dim=-1)
        shifts = torch.cat([moved.new_zeros(moved.shape[0], 1, 3), source - moved], dim=1)
        motions = grid + shifts[:, :, None, None, None]
        repeated = compressed[:, None].expand(-1, MOTIONS, -1, -1, -1, -1).flatten(0, 1)
        features = F.grid_sample(repeated, motions.flatten(0, 1), align_corners=False)
        heat = self._heat(grid, moved) - self._heat(grid, source)
        heat = torch.cat([torch.zeros_like(heat[:, :1]), heat], dim=1)
        features = features.view(-1, MOTIONS, COMPRESSED, *VOLUME)
        hidden = self.hourglass(torch.cat([heat[:, :, None], features], dim=2).flatten(1, 2))
        masks = self.mask(hidden).softmax(dim=1)
        deformation = (masks[..., None] * motions).sum(dim=1)
        volume = rows.transpose(1, 2).reshape(-1, CHANNELS, *VOLUME)
        warped = F.grid_sample(volume, deformation, align_corners=False)
        out = self.third(warped.view(-1, CHANNELS * depth, SIZE, SIZE))
        seen = self.occlusion(hidden.flatten(1, 2)).sigmoid()
        picture: Tensor = self.fourth(F.leaky_relu(out, 0.01)) * seen
        return picture

    @staticmethod
    def _heat(grid: Tensor, keypoints: Tensor) -> Tensor:
        distance = (grid - keypoints[:, :, None, None, None]).square().sum(dim=-1)
        return torch.exp(-50.0 * distance)


def filled(inputs: dict[str, Tensor]) -> list[Tensor]:
    """Random values in place of zeros."""
    return [0.3 * torch.randn_like(value) for value in inputs.values()]


def gflop(run: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops()) / 1e9


def milliseconds(run: Callable[[], object], device: str, repeats: int) -> float:
    """Median time of ``run`` after one run to warm up.

    On a CPU it is CPU time over all threads, which other programs disturb least.
    """
    clock = time.process_time if device == "cpu" else time.perf_counter
    times = []
    for _ in range(repeats + 1):
        _wait(device)
        begin = clock()
        run()
        _wait(device)
        times.append(1e3 * (clock() - begin))
    return statistics.median(times[1:])


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def matrix_rate(precision: torch.dtype) -> float:
    """TFLOP/s of a plain product on the GPU."""
    size = 8192
    a, b = (torch.randn(size, size, device="cuda", dtype=precision) for _ in range(2))
    return 2 * size**3 / milliseconds(lambda: a @ b, "cuda", 20) / 1e9


@torch.inference_mode()
def measure(
    device: str,
    sizes: tuple[int, ...],
    engines: list[EngineKind],
    repeats: int,
    cache: Path,
) -> dict[str, float | int | None]:
    """All results, flat, with units in the names."""
    torch.manual_seed(0)
    gpu = device.startswith("cuda")
    half = torch.float16 if gpu else torch.float32
    with torch.device(device):
        frame = WarpAndGenerate(WarpingNetwork(), Generator()).eval()
        moda = MoDA(PUBLISHED).eval()
        once = {"f": AppearanceExtractor().eval(), "m": MotionExtractor().eval()}
    step = VelocityStep(moda).eval()
    results: dict[str, float | int | None] = {}
    modules = {"w": frame.warping, "g": frame.generator, "moda": moda} | once
    for name, module in modules.items():
        results[f"{name}.parameters"] = sum(p.numel() for p in module.parameters())

    inputs, passes = filled(decoder_inputs(device, 1)), Guidance.released().passes
    results["wg.gflop_per_frame"] = gflop(lambda: frame(*inputs))
    picture = torch.rand(1, 3, 256, 256, device=device)
    for name, module in once.items():
        results[f"{name}.ms"] = milliseconds(lambda m=module: m(picture), device, repeats)  # type: ignore[misc]
    single = filled(step_inputs(moda, WINDOW, batch=1))
    results["moda.gflop_per_pass"] = gflop(lambda: step(*single))

    rate = matrix_rate(torch.float16) if gpu else None
    if rate:
        results["matrix_tflops"] = rate
    for kind in engines:
        build = partial(build_engine, device=device, wanted=kind, cache=cache)
        run = build(frame, decoder_inputs(device), "picture", precision=half, batches=sizes)
        for batch in sizes:
            values = filled(decoder_inputs(device, batch))
            ms = milliseconds(lambda r=run, v=values: r(*v), device, repeats) / batch  # type: ignore[misc]
            key = f"wg.{kind}.batch{batch}"
            results[f"{key}.ms_per_frame"] = ms
            results[f"{key}.frames_per_second"] = 1e3 / ms
            results[f"{key}.sessions"] = 1e3 / ms / FPS
            if rate:
                results[f"{key}.matrix_share"] = results["wg.gflop_per_frame"] / ms / rate  # type: ignore[operator]
        run = build(step, step_inputs(moda, WINDOW), "velocity", batches=(passes,))
        values = filled(step_inputs(moda, WINDOW, batch=passes))
        results[f"moda.{kind}.ms_per_step"] = milliseconds(
            lambda r=run, v=values: r(*v),  # type: ignore[misc]
            device,
            repeats,
        )
    results["memory_per_session_mib"] = session_mib()
    if gpu:
        results["memory_peak_mib"] = torch.cuda.max_memory_allocated() / 2**20
    else:
        results |= _against_grid_sample(frame.warping, repeats)
    return results


def session_mib() -> float:
    """MiB that a session keeps between frames; sessions share the portraits that they show."""
    hubert = (HUBERT_WINDOW - 1) * SAMPLES_PER_FRAME
    window = WINDOW * (PUBLISHED.motion + PUBLISHED.audio_layers * PUBLISHED.audio_features)
    return 4 * (hubert + window) / 2**20


def _against_grid_sample(ours: WarpingNetwork, repeats: int) -> dict[str, float]:
    theirs = GridSampleWarping().eval()
    theirs.load_state_dict(ours.state_dict())
    inputs = filled(decoder_inputs(batch=1))
    difference = float((ours(*inputs) - theirs(*inputs)).abs().max())
    own, grid = [], []
    for _ in range(repeats):  # in turns, so that both see the same machine
        own.append(milliseconds(lambda: ours(*inputs), "cpu", 1))
        grid.append(milliseconds(lambda: theirs(*inputs), "cpu", 1))
    return {
        "w.ms": statistics.median(own),
        "w.grid_sample_ms": statistics.median(grid),
        "w.ratio_to_grid_sample": statistics.median(own) / statistics.median(grid),
        "w.difference_to_grid_sample": difference,
    }


def main() -> None:
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16] if cuda else [1])
    parser.add_argument("--engines", choices=ENGINES, nargs="+", help="default: all that run here")
    parser.add_argument("--repeats", type=int, default=20 if cuda else 3)
    options = parser.parse_args()
    engines = options.engines or [k for k in ENGINES if missing(k, options.device) is None]
    with tempfile.TemporaryDirectory() as cache:
        results = measure(
            options.device, tuple(options.batches), engines, options.repeats, Path(cache)
        )
    show("published", results, as_json=options.json)


if __name__ == "__main__":
    main()
