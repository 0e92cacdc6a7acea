"""The causal MoDA as a streaming generator.

The network is small and untrained, with weights large enough to matter: what is tested holds for
any weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from motion.contract import SAMPLES_PER_FRAME, Controls, MotionGenerator, MotionRequest
from motion.features import LogMelFeatures
from motion.generator import MODEL_FILE, CausalMoDA, CausalState, Sampling
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import YAW, FloatArray, neutral_motion
from motion.moda.causal import LOOKAHEAD, mouth_dimensions
from motion.moda.config import CAUSAL
from motion.moda.network import MoDA
from motion.moda.normalisation import MotionStatistics
from motion.moda.trained import ModelFileError, TrainedModel, load_model, save_model
from motion.speech.espeak import engine
from motion.training.ship import ship
from motion.training.spectrum import change_rate
from tests.voices import block_of

FRAMES = 64
TINY = replace(
    CAUSAL, width=32, heads=2, audio_channels=32, audio_dilations=(1, 2), single_stream=1
)


@dataclass(frozen=True)
class Face:
    canonical: FloatArray = field(default_factory=lambda: np.zeros((21, 3), np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as it is shipped, without the ONNX files."""
    torch.manual_seed(0)
    network = MoDA(TINY).requires_grad_(False).eval()
    std = np.full(70, 0.01, np.float32)
    std[67:] = 1.0
    statistics = MotionStatistics(neutral_motion()[0], std)
    path = tmp_path_factory.mktemp("model")
    save_model(path / MODEL_FILE, TrainedModel(network, statistics, {}))
    return path


@pytest.fixture(scope="module")
def generator(folder: Path) -> CausalMoDA:
    return CausalMoDA.load(folder)


@pytest.fixture(scope="module")
def features() -> FloatArray:
    """Half a second of silence, then speech."""
    block = block_of("Papa made a big pot of soup for my baby.", "en-us")
    speech = change_rate(block.pcm, engine().rate, 16_000)
    sound = np.zeros((FRAMES + LOOKAHEAD) * SAMPLES_PER_FRAME, np.float32)
    sound[8_000 : 8_000 + len(speech)] = speech[: len(sound) - 8_000]
    rows, _ = LogMelFeatures().step(LogMelFeatures().init_state(), sound)
    return rows


def stream(
    generator: CausalMoDA,
    features: FloatArray,
    chunk: int,
    controls: Controls | None = None,
    seed: int = 1,
) -> FloatArray:
    state = generator.init_state(Face())
    parts = []
    for at in range(0, FRAMES, chunk):
        ahead = features[at + chunk : at + chunk + LOOKAHEAD]
        wanted = replace(controls or Controls(), seed=seed)
        part, (*_, state) = generator.step(state, features[at : at + chunk], ahead, wanted)
        parts.append(part)
    return np.concatenate(parts)


def test_implements_the_contract(generator: CausalMoDA, features: FloatArray) -> None:
    implemented: MotionGenerator[CausalState] = generator
    motion, _ = implemented.step(
        implemented.init_state(Face()), features[:5], features[5:7], Controls()
    )
    assert motion.shape == (5, 70)
    assert motion.dtype == np.float32


def test_offline_equals_streaming_in_whole_chunks(
    generator: CausalMoDA, features: FloatArray
) -> None:
    chunk = Sampling().chunk
    offline = stream(generator, features, FRAMES)
    np.testing.assert_allclose(stream(generator, features, chunk), offline, atol=1e-5)
    np.testing.assert_allclose(stream(generator, features, 2 * chunk), offline, atol=1e-5)


def test_old_states_stay_valid(generator: CausalMoDA, features: FloatArray) -> None:
    state = generator.init_state(Face())
    first, (*_, after) = generator.step(state, features[:8], features[8:10], Controls())
    generator.step(after, features[8:16], features[16:18], Controls())
    again, _ = generator.step(state, features[:8], features[8:10], Controls())
    np.testing.assert_array_equal(first, again)


def test_the_states_between_frames_can_be_taken_up(
    generator: CausalMoDA, features: FloatArray
) -> None:
    """After a barge-in a session goes on from the last frame shown, wherever in a chunk it was."""
    whole, states = generator.step(
        generator.init_state(Face()), features[:8], features[8:10], Controls()
    )
    assert len(states) == 9
    for shown in (3, 4, 6):
        motion, (_, after) = generator.step(
            states[shown], features[shown : shown + 1], features[shown + 1 : shown + 3], Controls()
        )
        assert after.frame == shown + 1
        jumps = np.abs(np.diff(whole, axis=0)).max(axis=0)
        assert (np.abs(motion[0] - whole[shown - 1]) <= 4.0 * jumps + 1e-6).all()


def test_sessions_share_a_batch(generator: CausalMoDA, features: FloatArray) -> None:
    state = generator.init_state(Face())
    requests = [
        MotionRequest(state, features[:8], features[8:10], Controls("anger", seed=1)),
        MotionRequest(state, features[10:15], features[:0], Controls(seed=2)),
        MotionRequest(state, features[:0], features[:0], Controls()),
        MotionRequest(state, features[20:28], features[28:30], Controls(head=0.2)),
    ]
    for request, (motion, states) in zip(requests, generator.steps(requests), strict=True):
        ((alone, after),) = generator.steps([request])
        np.testing.assert_allclose(motion, alone, atol=1e-4)
        assert len(states) == len(after) == len(request.features) + 1


def test_the_head_can_be_held_still(generator: CausalMoDA, features: FloatArray) -> None:
    lively, still = (stream(generator, features, 8, Controls(head=h)) for h in (1.0, 0.0))
    assert np.abs(still[50:, YAW]).max() < 0.1 * np.abs(lively[50:, YAW]).max()
    np.testing.assert_array_equal(still[:, :3], lively[:, :3])


def test_seeds_move_differently_and_repeat(generator: CausalMoDA, features: FloatArray) -> None:
    one, again = stream(generator, features, 8, seed=1), stream(generator, features, 8, seed=1)
    other = stream(generator, features, 8, seed=2)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one[:, YAW] - other[:, YAW]).max() > 0.1


def test_motion_does_not_depend_on_sound_beyond_the_lookahead(
    generator: CausalMoDA, features: FloatArray
) -> None:
    changed = features.copy()
    changed[32:] = -2.0
    same = 32 - LOOKAHEAD
    one, other = stream(generator, features, 1), stream(generator, changed, 1)
    np.testing.assert_array_equal(one[:same], other[:same])
    assert not np.allclose(one[same:], other[same:])


def test_sound_that_is_not_there_yet_is_not_needed(
    generator: CausalMoDA, features: FloatArray
) -> None:
    state = generator.init_state(Face())
    nothing = features[:0]
    motion, (*_, state) = generator.step(state, features[:8], nothing, Controls())
    assert np.isfinite(motion).all()
    empty, (same,) = generator.step(state, nothing, nothing, Controls())
    assert empty.shape == (0, 70)
    assert same is state


def test_emotion_and_its_strength_reach_the_motion(
    generator: CausalMoDA, features: FloatArray
) -> None:
    neutral = stream(generator, features, 8)
    happy = stream(generator, features, 8, Controls("happiness"))
    half = stream(generator, features, 8, Controls("happiness", 0.5))
    none = stream(generator, features, 8, Controls("happiness", 0.0))
    assert not np.allclose(happy, neutral)
    assert not np.allclose(happy, half)
    np.testing.assert_allclose(none, neutral, atol=1e-5)


def test_the_idle_process_blinks_and_can_be_left_out(folder: Path, features: FloatArray) -> None:
    # With this seed the process blinks within two seconds.
    with_idle = stream(CausalMoDA.load(folder), features, 8, seed=2)
    without = stream(CausalMoDA.load(folder, Sampling(idle=0.0)), features, 8, seed=2)
    lid = 3 * Keypoint.LID_LEFT + 1
    assert with_idle[:50, lid].max() > 0.9 * LID_TRAVEL
    assert (with_idle[:, lid] <= LID_TRAVEL + 1e-6).all()
    assert not np.allclose(with_idle, without)
    np.testing.assert_array_equal(with_idle[:, :3], without[:, :3])  # the mouth is the model's


def test_the_head_is_smoother_than_what_is_drawn(folder: Path, features: FloatArray) -> None:
    motion = stream(CausalMoDA.load(folder, Sampling(idle=0.0)), features, 8)
    jitter = np.abs(np.diff(motion, n=2, axis=0)).mean(0)
    mouth = mouth_dimensions() > 0
    std = np.where(np.arange(70) < 67, 0.01, 1.0)
    assert (jitter / std)[67:].mean() < 0.3 * (jitter / std)[mouth].mean()


def test_wrong_shapes_are_refused(generator: CausalMoDA) -> None:
    state = generator.init_state(Face())
    right, wrong = np.zeros((2, 160), np.float32), np.zeros((2, 80), np.float32)
    with pytest.raises(ValueError, match="features"):
        generator.step(state, wrong, right, Controls())
    with pytest.raises(ValueError, match="ahead"):
        generator.step(state, right, wrong, Controls())
    with pytest.raises(ValueError, match="at most"):
        generator.step(state, right, np.zeros((LOOKAHEAD + 1, 160), np.float32), Controls())


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"chunk": 0}, {"mouth_temperature": -1.0}])
def test_sampling_checks_its_values(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs"):
        Sampling(**wrong)


@pytest.mark.filterwarnings("ignore")
def test_onnx_files_move_the_face_as_torch_does(
    folder: Path, generator: CausalMoDA, features: FloatArray, tmp_path: Path
) -> None:
    pytest.importorskip("onnxscript", reason="shipping needs onnx and onnxscript")
    ship(load_model(folder / MODEL_FILE), tmp_path)
    shipped = CausalMoDA.load(tmp_path)
    for chunk in (1, 8):
        expected = stream(generator, features, chunk)
        np.testing.assert_allclose(stream(shipped, features, chunk), expected, atol=1e-3)


def test_a_model_that_does_not_describe_itself_is_refused(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / MODEL_FILE)
    damaged = tmp_path / MODEL_FILE
    for config in ("{", "{}", '{"audio_dilations": [1], "colour": 3}'):
        save_file(tensors, damaged, metadata={"config": config})
        with pytest.raises(ModelFileError, match="another version, or damaged"):
            load_model(damaged)
