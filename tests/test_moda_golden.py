"""The published network against the numbers of the released code (fixtures' tolerances)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.engine import build_engine
from motion.moda.guidance import Guidance
from motion.moda.network import Conditions, Encoded, VelocityStep, step_inputs
from motion.moda.sampler import released_schedule, sample
from motion.moda.windows import generate_clip
from tests import published_moda
from tests.parity import golden, tensor

pytestmark = [pytest.mark.timeout(1200), pytest.mark.usefixtures("all_cores")]
"""The full networks take minutes where other work has the cores."""

STAGES = {
    "motion_embedder": "motion_embedder",
    "time_embedder": "time_embedder",
    "identity_embedder": "identity_embedder",
    "audio_embedder": "audio_embedder",
    "four_stream.0": "blocks4.0",
    "four_stream.2": "blocks4.2",
    "two_stream.0": "blocks2.0",
    "two_stream.5": "blocks2.5",
    "single_stream.0": "blocks.0",
    "single_stream.11": "blocks.11",
}
"""Our modules -> names of their outputs in the golden file."""


def test_forward_and_every_stage() -> None:
    network = published_moda.network()
    expected = golden("moda_forward")
    seen: dict[str, list[Tensor]] = {}

    def record(name: str) -> Any:
        def hook(module: object, args: object, out: Tensor | list[Tensor]) -> None:
            seen[name] = out if isinstance(out, list) else [out]

        return hook

    hooks = [network.get_submodule(n).register_forward_hook(record(n)) for n in STAGES]
    motion = tensor("input.moda.motion", (2, 80, 140))
    audio = tensor("input.moda.audio", (2, 80, 1, 12, 768)).squeeze(2)
    keypoints = 0.3 * tensor("input.moda.ref_kp", (2, 1, 63)).squeeze(1)
    emotion = network.emotions(torch.from_numpy(expected["emo"])) @ network.emotion_table
    encoded = Encoded(
        audio=network.audio_embedder(audio),
        emotion=emotion,
        identity=network.identity_embedder(keypoints),
        previous=motion[..., :70],  # the golden input has another one for every frame
    )
    try:
        modulation = network.modulate(torch.from_numpy(expected["times"]), emotion)
        out = network.velocity(motion[..., 70:], encoded, modulation)
    finally:
        for hook in hooks:
            hook.remove()

    for ours, theirs in STAGES.items():
        for i, x in enumerate(seen[ours]):
            x = x[:, None] if x.ndim == 2 else x
            reference = torch.from_numpy(expected[f"{theirs}.{i}"])
            torch.testing.assert_close(
                x[:, ::16, ::8], reference, atol=5e-4, rtol=0, msg=f"{ours} differs"
            )
    torch.testing.assert_close(out, torch.from_numpy(expected["out"]), atol=5e-4, rtol=0)


def check_window_without_guidance(run: Callable[..., Tensor] | None) -> None:
    out = sample(
        published_moda.network(),
        published_moda.subclip_conditions(),
        tensor("input.subclip.noise", (1, 80, 70)),
        schedule=released_schedule(),
        run=run,
    )
    expected = torch.from_numpy(golden("moda_subclip")["out_cfg1"])
    torch.testing.assert_close(out, expected, atol=2e-3, rtol=0)


def test_window_without_guidance() -> None:
    check_window_without_guidance(None)


@pytest.mark.skipif(
    not os.environ.get("AVATAR_TEST_LARGE_ONNX"),
    reason="writes a file of 1 GB, which takes a minute; set AVATAR_TEST_LARGE_ONNX=1",
)
@pytest.mark.filterwarnings("ignore")
def test_window_in_onnx_runtime(tmp_path: Path) -> None:
    step = VelocityStep(published_moda.network())
    inputs = step_inputs(published_moda.network(), 80)
    run = build_engine(step, inputs, "velocity", wanted="onnxruntime", cache=tmp_path)
    check_window_without_guidance(run)


def test_window() -> None:
    expected = golden("moda_subclip")
    steps: list[Tensor] = []
    out = sample(
        published_moda.network(),
        published_moda.subclip_conditions(),
        tensor("input.subclip.noise", (1, 80, 70)),
        schedule=released_schedule(),
        guidance=Guidance.released(1.2),
        on_step=steps.append,
    )
    torch.testing.assert_close(out, torch.from_numpy(expected["out"]), atol=2e-3, rtol=0)
    latents = torch.cat(steps)[:, ::4]
    torch.testing.assert_close(latents, torch.from_numpy(expected["steps_s"]), atol=2e-3, rtol=0)


def test_clip() -> None:
    """The first two of the golden clip's three windows; the third begins to fade in at 128."""
    network = published_moda.network()
    emotion = network.emotions(torch.tensor([8]))
    keypoints = 0.3 * tensor("input.subclip.ref_kp", (1, 21, 3)).flatten(1)

    def window(index: int, audio: Tensor, previous: Tensor) -> Tensor:
        return sample(
            network,
            Conditions(audio, emotion, keypoints, previous),
            tensor(f"input.clip.noise.{index}", (1, 80, 70)),
            schedule=released_schedule(),
            guidance=Guidance.released(1.2),
        )

    audio = tensor("input.clip.audio", (150, 12, 768))[:144]
    clip = generate_clip(audio, tensor("input.subclip.prev", (1, 1, 70)), window)
    expected = torch.from_numpy(golden("moda_clip")["out"])
    torch.testing.assert_close(clip[:127], expected[:127], atol=2e-3, rtol=0)
