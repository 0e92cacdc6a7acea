"""MoDA as a small network: causality, guidance, sampling, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.onnx_engine import OnnxEngine
from motion.moda.config import CAUSAL, PUBLISHED, MoDAConfig
from motion.moda.guidance import Droppable, Guidance, drop
from motion.moda.masks import chunk_mask
from motion.moda.names import published_name
from motion.moda.network import Conditions, MoDA, VelocityStep, step_inputs
from motion.moda.sampler import KnownFrames, euler, released_schedule, sample, uniform_schedule
from tests.parity import manifest

FRAMES, AHEAD, BATCH = 12, 2, 2


@pytest.fixture(scope="module")
def network() -> MoDA:
    torch.manual_seed(0)
    return MoDA(replace(CAUSAL, audio_features=8, single_stream=2)).requires_grad_(False).eval()


def conditions(network: MoDA, batch: int = BATCH, audio: int = FRAMES + AHEAD) -> Conditions:
    generator = torch.Generator().manual_seed(1)
    config = network.config
    return Conditions(
        audio=torch.randn(
            batch, audio, config.audio_layers, config.audio_features, generator=generator
        ),
        emotion=network.emotions(torch.arange(batch) % config.emotions),
        identity=torch.randn(batch, config.identity, generator=generator),
        previous=torch.randn(batch, 1, config.motion, generator=generator),
    )


def noise(batch: int = BATCH) -> Tensor:
    return torch.randn(batch, FRAMES, 70, generator=torch.Generator().manual_seed(2))


def test_published_configuration_has_the_published_tensors() -> None:
    with torch.device("meta"):
        network = MoDA(PUBLISHED)
    published = manifest("moda_net")
    ours = {published_name(k, PUBLISHED): p.numel() for k, p in network.state_dict().items()}
    optional = {"null_motion_feat", "scheduler.sigmas"}
    assert ours == {k: int(np.prod(s)) for k, s in published.items() if k not in optional}
    assert sum(ours.values()) + 70 == 372_984_716


@pytest.mark.parametrize(
    ("change", "message"),
    [({"width": 130}, "130"), ({"time_features": 7}, "even"), ({"audio_layers": 0}, "at least 1")],
)
def test_sizes_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CAUSAL, **change)


def test_mask_lets_nothing_through_from_the_future(network: MoDA) -> None:
    """The look-ahead must not grow with depth: change what lies beyond and nothing moves."""
    mask = chunk_mask(torch.arange(FRAMES) // 4, FRAMES + AHEAD, before=6, after=1)
    given, latent = conditions(network), noise()
    time = torch.tensor([700.0, 300.0])
    out = network(latent, time, given, mask)

    later_audio = given.audio.clone()
    later_audio[:, 9:] += 1.0
    later_motion = latent.clone()
    later_motion[:, 8:] += 1.0
    changed = network(later_motion, time, replace(given, audio=later_audio), mask)
    torch.testing.assert_close(changed[:, :8], out[:, :8], atol=1e-6, rtol=0)
    assert (changed[:, 8:] - out[:, 8:]).abs().min(dim=-1).values.max() > 1e-4

    inside = given.audio.clone()
    inside[:, 8] += 1.0
    assert not torch.allclose(
        network(latent, time, replace(given, audio=inside), mask)[:, 7], out[:, 7]
    )


def test_a_batch_is_its_rows(network: MoDA) -> None:
    given, latent = conditions(network), noise()
    time = torch.tensor([900.0, 100.0])
    together = network(latent, time, given)
    for i in range(BATCH):
        row = slice(i, i + 1)
        one = Conditions(
            given.audio[row], given.emotion[row], given.identity[row], given.previous[row]
        )
        alone = network(latent[row], time[row], one)
        torch.testing.assert_close(alone, together[row], atol=1e-5, rtol=0)


def test_released_schedule() -> None:
    assert released_schedule() == (
        *(1.0, 0.889, 0.778, 0.667, 0.556, 0.445, 0.334, 0.223, 0.112, 0.001, 0.0),
    )
    assert len(released_schedule(last_step=False)) == 10
    assert uniform_schedule(2) == (1.0, 0.5, 0.0)
    with pytest.raises(ValueError, match="at least one"):
        uniform_schedule(0)


def test_euler_is_exact_on_a_straight_path() -> None:
    target = torch.full((1, 4, 70), 3.0)
    start = torch.randn(1, 4, 70)
    out = euler(lambda latent, step: start - target, start, released_schedule())
    torch.testing.assert_close(out, target)


def test_known_frames_come_out_as_given_and_steer_the_rest(network: MoDA) -> None:
    motion = torch.randn(BATCH, FRAMES, 70)
    known = torch.zeros(BATCH, FRAMES, dtype=torch.bool)
    known[0, :5] = True
    given = KnownFrames(motion, known)
    schedule = uniform_schedule(4)
    free = sample(network, conditions(network), noise(), schedule=schedule)
    held = sample(network, conditions(network), noise(), schedule=schedule, known=given)
    torch.testing.assert_close(held[0, :5], motion[0, :5])
    torch.testing.assert_close(held[1], free[1], atol=1e-5, rtol=0)
    assert not torch.allclose(held[0, 5:], free[0, 5:])


def test_guidance_forms_agree_with_their_equations(network: MoDA) -> None:
    given, latent = conditions(network), noise()
    time = torch.tensor([500.0, 500.0])

    def velocity(*dropped: Droppable) -> Tensor:
        found: Tensor = network(latent, time, drop(network, given, frozenset(dropped)))
        return found

    def guided(guidance: Guidance) -> Tensor:
        expanded = guidance.expand(network, given)
        passes = guidance.passes
        return guidance.combine(network(latent.repeat(passes, 1, 1), time.repeat(passes), expanded))

    full, nothing = velocity(), velocity("audio", "emotion")
    released = nothing + 1.2 * (full - nothing)
    torch.testing.assert_close(guided(Guidance.released(1.2)), released, atol=1e-5, rtol=0)
    eq8 = (1 + 0.8 + 0.5) * full - 0.8 * velocity("audio") - 0.5 * velocity("emotion")
    both = Guidance.per_condition(audio=0.8, emotion=0.5)
    torch.testing.assert_close(guided(both), eq8, atol=1e-5, rtol=0)
    assert Guidance.released(1.0).passes == 1
    assert not torch.allclose(velocity("identity"), full)


@pytest.mark.parametrize("kind", ["projection", "convolution"])
def test_audio_embedders_are_causal(kind: str) -> None:
    config: MoDAConfig = replace(CAUSAL, audio_features=8, audio_embedder=kind)  # type: ignore[arg-type]
    embed = MoDA(config).audio_embedder
    audio = torch.randn(1, 20, 1, 8)
    tokens = embed(audio)
    audio[:, 10:] += 1.0
    changed = embed(audio)
    torch.testing.assert_close(changed[:, :10], tokens[:, :10])
    assert not torch.allclose(changed[:, 10:], tokens[:, 10:])


@pytest.mark.filterwarnings("ignore")
def test_onnx_runtime_agrees_with_torch(network: MoDA, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs onnx and onnxscript")
    step, inputs = VelocityStep(network), step_inputs(network, FRAMES, FRAMES + AHEAD)
    engine = OnnxEngine.build(step, inputs, "velocity", tmp_path)
    given, latent = network.encode(conditions(network, batch=3)), noise(batch=3)
    modulation = network.modulate(torch.tensor([900.0, 500.0, 10.0]), given.emotion)
    values = (latent, given.audio, given.emotion, given.identity, given.previous, modulation)
    torch.testing.assert_close(engine(*values), step(*values), atol=2e-5, rtol=0)
