"""Streaming with the published, bidirectional weights (a small stand-in of them)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from motion.contract import Controls, MotionRequest
from motion.layout import SCALE
from motion.moda.config import PUBLISHED
from motion.moda.network import MoDA
from motion.moda.normalisation import MotionStatistics
from motion.moda.sampler import uniform_schedule
from motion.moda.sliding import SlidingGenerator
from tests.parity import unit

Array = npt.NDArray[np.float32]
DIM = 2 * 4


@dataclass(frozen=True)
class Face:
    canonical: Array = field(default_factory=lambda: unit("canonical", (21, 3)))
    motion: Array = field(default_factory=lambda: 1.0 + 0.2 * unit("motion", (70,)))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small only lose by being shared between threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network() -> MoDA:
    torch.manual_seed(0)
    config = replace(
        PUBLISHED,
        width=32,
        heads=2,
        four_stream=1,
        two_stream=1,
        single_stream=1,
        audio_layers=2,
        audio_features=4,
    )
    return MoDA(config).requires_grad_(False).eval()


STATISTICS = MotionStatistics(np.full(70, 0.5, np.float32), np.full(70, 2.0, np.float32))


def generator(network: MoDA, **options: object) -> SlidingGenerator:
    settings = {"hop": 8, "lookahead": 4, "schedule": uniform_schedule(2)} | options
    return SlidingGenerator(network, STATISTICS, **settings)  # type: ignore[arg-type]


def speech(frames: int) -> Array:
    return unit("speech", (frames, DIM))


def stream(moda: SlidingGenerator, audio: Array, chunk: int, seed: int = 1) -> Array:
    state, out = moda.init_state(Face()), []
    for start in range(0, len(audio), chunk):
        ahead = audio[start + chunk : start + chunk + moda.lookahead]
        motion, (*_, state) = moda.step(
            state, audio[start : start + chunk], ahead, Controls(seed=seed)
        )
        out.append(motion)
    return np.concatenate(out)


def test_offline_equals_streaming_in_hops(network: MoDA) -> None:
    """112 frames: the window fills and slides."""
    moda, audio = generator(network), speech(112)
    whole = stream(moda, audio, 112)
    assert whole.shape == (112, 70)
    np.testing.assert_allclose(stream(moda, audio, 8), whole, atol=1e-5)
    np.testing.assert_allclose(stream(moda, audio, 40), whole, atol=1e-5)


def test_other_hops_differ_only_where_the_future_does(network: MoDA) -> None:
    """A shorter hop hears less beyond its frames, so it may differ, but by less than seeds do."""
    audio = speech(48)
    long, short = (stream(generator(network, hop=hop), audio, 48) for hop in (8, 4))
    seeds = np.abs(stream(generator(network), audio, 48, seed=2) - long).mean()
    assert 0 < np.abs(long - short).mean() < seeds / 2


def test_states_are_values(network: MoDA) -> None:
    moda, audio = generator(network), speech(24)
    state = moda.init_state(Face())
    first, (*_, after) = moda.step(state, audio[:8], audio[8:12], Controls())
    other, _ = moda.step(after, -audio[8:16], audio[16:20], Controls("anger"))
    again, (*_, after_again) = moda.step(state, audio[:8], audio[8:12], Controls())
    np.testing.assert_array_equal(first, again)
    calm, _ = moda.step(after_again, audio[8:16], audio[16:20], Controls())
    assert not np.allclose(other, calm)


def test_sessions_in_a_batch_do_not_see_each_other(network: MoDA) -> None:
    moda, audio = generator(network), speech(40)
    state = moda.init_state(Face())
    requests = [
        MotionRequest(state, audio[:20], audio[20:24], Controls("happiness", 0.5, seed=1)),
        MotionRequest(state, audio[:3], audio[3:3], Controls(guidance=2.0, seed=2)),
        MotionRequest(state, audio[:0], audio[:0], Controls(seed=3)),
    ]
    together = moda.steps(requests)
    assert [len(motion) for motion, _ in together] == [20, 3, 0]
    for request, (motion, (*_, state)) in zip(requests, together, strict=True):
        (alone, (*_, after)) = moda.steps([request])[0]
        np.testing.assert_allclose(motion, alone, atol=1e-5)
        assert state.frame == after.frame


def test_motion_takes_the_size_of_the_face(network: MoDA) -> None:
    moda, audio = generator(network), speech(8)
    small = Face()
    large = Face(motion=small.motion.copy())
    large.motion[SCALE] *= 2
    for face in (small, large):
        face.motion[64:67] = 0.0
    motions = [
        moda.step(moda.init_state(face), audio, audio[:0], Controls())[0] for face in (small, large)
    ]
    np.testing.assert_allclose(motions[1][:, SCALE] / motions[0][:, SCALE], 2.0, rtol=1e-3)


def test_lip_modulation_streams(network: MoDA) -> None:
    audio, silence = speech(24), np.zeros((50, DIM), np.float32)
    plain = stream(generator(network), audio, 24)
    lips = generator(network, silence=silence)
    whole = stream(lips, audio, 24)
    np.testing.assert_allclose(stream(lips, audio, 8), whole, atol=1e-4)
    changed = np.abs(whole - plain).max(axis=0) > 1e-4
    assert set(np.flatnonzero(changed) // 3) == {6, 12, 14, 17, 19, 20}


def test_wrong_sizes_are_refused(network: MoDA) -> None:
    moda = generator(network)
    state = moda.init_state(Face())
    with pytest.raises(ValueError, match=r"features must be \[n, 8\], not \[4, 7\]"):
        moda.step(state, np.zeros((4, 7), np.float32), speech(0), Controls())
    with pytest.raises(ValueError, match="at most 4 rows ahead"):
        moda.step(state, speech(8), speech(5), Controls())
    with pytest.raises(ValueError, match="do not fit"):
        generator(network, hop=78)
