"""Around the published network: normalisation, windows, smoothing, lip modulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from motion.moda.checkpoint import released_statistics
from motion.moda.lips import LipModulation, lips_at_rest
from motion.moda.normalisation import MotionStatistics
from motion.moda.windows import fuse, generate_clip, smooth_pose, window_count
from tests.parity import golden, unit

Array = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def statistics() -> MotionStatistics:
    return released_statistics()


def degrees(logits: Array) -> Array:
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    share = odds / odds.sum(-1, keepdims=True)
    return np.asarray(3 * (share * np.arange(66)).sum(-1) - 97.5, np.float32)


@pytest.fixture(scope="module")
def source() -> Array:
    g = golden("pipeline")
    angles = [degrees(g[f"src_{name}"]) for name in ("pitch", "yaw", "roll")]
    return np.concatenate([g["src_exp"][0], g["src_scale"][0], g["src_t"][0], *angles])


def test_source_motion_becomes_the_previous_frame(
    statistics: MotionStatistics, source: Array
) -> None:
    g = golden("pipeline")
    np.testing.assert_allclose(statistics.from_source(source), g["prev_motion"][0, 0], atol=1e-5)
    assert statistics.size_ratio(source) == pytest.approx(
        float(g["rescale_ratio"].item()), abs=1e-6
    )


def test_generated_motion_takes_the_size_of_the_source(
    statistics: MotionStatistics, source: Array
) -> None:
    g = golden("pipeline")
    frames = len(g["seq_exp"])
    parts = [
        g[f"seq_{k}"].reshape(frames, -1) for k in ("exp", "scale", "t", "pitch", "yaw", "roll")
    ]
    motion = statistics.to_source(g["modulated"][:frames], source)
    np.testing.assert_allclose(motion, np.concatenate(parts, axis=1), atol=1e-5)


def test_statistics_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="70 finite numbers"):
        MotionStatistics(np.zeros(69, np.float32), np.ones(70, np.float32))


def test_lip_modulation_of_a_clip() -> None:
    g = golden("pipeline")
    lips = lips_at_rest(g["motion"], silence=int(g["add_frames"]))
    np.testing.assert_allclose(lips.clip(g["motion"]), g["modulated"], atol=1e-5)


def test_lip_modulation_streams_and_equals_the_clip_after_its_peak() -> None:
    motion = unit("lips", (40, 70))
    lips = LipModulation(rest=unit("rest", (70,)))
    whole, peaks = lips.step(motion)
    chunks, so_far = [], 0.0
    for start in range(0, 40, 7):
        out, so_fars = lips.step(motion[start : start + 7], so_far)
        so_far = float(so_fars[-1])
        chunks.append(out)
    np.testing.assert_array_equal(np.concatenate(chunks), whole)
    assert so_far == peaks[-1]

    released = lips.clip(motion)
    loudest = int(((motion - lips.rest)[:, [18, 19, 20]] ** 2).sum(1).argmax())
    again, _ = lips.step(motion[loudest:], float(peaks[-1]))
    np.testing.assert_allclose(again, released[loudest:], rtol=1e-6)
    assert (np.abs(whole - lips.rest) >= np.abs(released - lips.rest) - 1e-5).all()


def test_pose_is_smoothed_and_expression_is_not() -> None:
    g = golden("moda_subclip")
    smoothed = smooth_pose(torch.from_numpy(g["out"][0]))
    np.testing.assert_allclose(smoothed, g["smoothed"][0], atol=1e-6)


def test_windows_cover_every_length() -> None:
    assert [window_count(n) for n in (1, 80, 81, 144, 145)] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("frames", [1, 79, 80, 81, 150, 200])
def test_a_clip_has_the_frames_of_its_audio(frames: int) -> None:
    seen: list[float] = []

    def window(index: int, audio: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
        seen.append(float(previous[0, 0, 0]))
        return audio.expand(1, 80, 70)

    audio = torch.arange(1.0, frames + 1)[:, None]
    clip = generate_clip(audio, torch.full((1, 1, 70), -1.0), window)
    np.testing.assert_allclose(clip[:, 0], audio[:, 0], rtol=1e-6)
    assert seen == [-1.0, *(64.0 * i for i in range(1, len(seen)))]


def test_no_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        generate_clip(torch.zeros(0, 1), torch.zeros(1, 1, 70), lambda *_: torch.zeros(1, 80, 70))


def test_fuse_starts_at_the_old_window() -> None:
    joined = fuse(torch.zeros(20, 70), torch.ones(20, 70), overlap=16)
    assert joined.shape == (24, 70)
    np.testing.assert_allclose(joined[4:20, 0], np.arange(16) / 16)
