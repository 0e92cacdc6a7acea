"""The causal MoDA as a streaming motion generator on one CPU core.

Speech features become audio tokens once. Each chunk of new frames is then sampled in a few Euler
steps from noise, in a window that also holds the last frames given out: they are on the flow path
with their own noise (known-prefix conditioning), and every frame is told the frame before its
chunk (first-frame conditioning), so chunks join without a fade.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from motion.contract import Controls, Emotion, Identity
from motion.idle import IdleState, idle_motion
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import (
    EXP,
    KEYPOINTS,
    MOTION_DIM,
    FloatArray,
    expression,
    neutral_motion,
)
from motion.moda.causal import (
    BEFORE,
    LOOKAHEAD,
    SILENCE,
    emotion_weights,
    mouth_dimensions,
)
from motion.moda.causal_export import EMBEDDER_FILE, VELOCITY_FILE, Embedder, Velocity
from motion.moda.masks import chunk_mask
from motion.moda.sampler import TIME_SCALE, uniform_schedule
from motion.moda.trained import load_model

Runner = Callable[[Mapping[str, npt.NDArray[Any]]], FloatArray]

MODEL_FILE: Final = "model.safetensors"
BUILT_IN: Final = Path(__file__).parent / "data" / "causal"
"""The model that ships with the package."""

_QUICK: Final = (Keypoint.LID_LEFT, Keypoint.LID_RIGHT, Keypoint.GAZE)
_LIDS: Final = [Keypoint.LID_LEFT, Keypoint.LID_RIGHT]
_VOICED_GAP: Final = 0.02
_STRESSED_GAP: Final = 0.08
_FACE_PACE: Final = 0.5
_HEAD_PACE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Sampling:
    """How motion is drawn. Raises ValueError for values out of range."""

    steps: int = 2
    chunk: int = 8
    """At most so many frames are made together."""
    history: int = 8
    """Frames given out before that a chunk sees."""
    mouth_temperature: float = 0.3
    """Deviation of the noise that the mouth starts from; less keeps it closer to the sound."""
    face_temperature: float = 1.0
    """The same for all else: how lively head, eyes and brows are."""
    idle: float = 1.0
    """Strength of the seeded idle process (:mod:`motion.idle`) that is added to what the model
    makes of head, eyes and brows, for a model that has not learned to blink; 0 leaves it out."""

    def __post_init__(self) -> None:
        if min(self.steps, self.chunk) < 1 or self.history < 2:
            raise ValueError("sampling needs at least 1 step, a chunk of 1 and a history of 2")
        if not (0.0 <= self.mouth_temperature <= 2.0 and 0.0 <= self.face_temperature <= 2.0):
            raise ValueError("temperatures must be between 0 and 2")
        if not 0.0 <= self.idle <= 2.0:
            raise ValueError(f"the strength of the idle process must be 0 to 2, not {self.idle}")


@dataclass(frozen=True, slots=True)
class CausalState:
    """All that goes from one chunk to the next; arrays are never written to."""

    seed: int
    frame: int
    identity: FloatArray
    """Identity token [D]."""
    heard: FloatArray
    """The last features [past, 160]."""
    tokens: FloatArray
    """Audio tokens of the frames of the history [history, D]."""
    given: FloatArray
    """Normalised motion of the history and the frame before it [history + 1, 70]."""
    settling: FloatArray
    """What the last frame was smoothed from half-way [70]."""
    idle: IdleState


class CausalMoDA:
    """Implements :class:`motion.contract.MotionGenerator`; stateless, safe to share."""

    lookahead: int = LOOKAHEAD

    def __init__(self, folder: Path = BUILT_IN, sampling: Sampling | None = None) -> None:
        """Load the model in ``folder``; without its ONNX files torch runs it, which is slower.

        Raises OSError or :class:`motion.moda.trained.ModelFileError`.
        """
        self._sampling = sampling or Sampling()
        model = load_model(folder / MODEL_FILE)
        self._network = model.network
        self._statistics = model.statistics
        self._embedder = _runner(folder / EMBEDDER_FILE, Embedder(model.network))
        self._velocity = _runner(folder / VELOCITY_FILE, Velocity(model.network))
        self._past = int(model.network.audio_embedder.past)  # type: ignore[arg-type]
        self._schedule = uniform_schedule(self._sampling.steps)
        mouth = mouth_dimensions()
        self._temperature = np.where(
            mouth > 0, self._sampling.mouth_temperature, self._sampling.face_temperature
        ).astype(np.float32)
        self._condition = lru_cache(maxsize=256)(self._compute_condition)
        self._mask = lru_cache(maxsize=64)(self._compute_mask)

    def init_state(self, identity: Identity, seed: int) -> CausalState:
        history = self._sampling.history
        keypoints = torch.from_numpy(np.array(identity.canonical, np.float32).reshape(1, -1))
        with torch.inference_mode():
            token = self._network.identity_embedder(keypoints)[0].numpy()
        heard = np.full((self._past + history, self._network.config.audio_features), SILENCE)
        tokens = self._embed(heard.astype(np.float32))
        rest = self._statistics.normalise(neutral_motion())
        return CausalState(
            seed=seed,
            frame=0,
            identity=token,
            heard=heard[history:].astype(np.float32),
            tokens=tokens[self._past :],
            given=np.repeat(rest, history + 1, axis=0),
            settling=rest[0],
            idle=IdleState(seed),
        )

    def step(
        self, state: CausalState, features: FloatArray, ahead: FloatArray, controls: Controls
    ) -> tuple[FloatArray, CausalState]:
        self._check(features, ahead)
        parts = [np.zeros((0, MOTION_DIM), np.float32)]
        rows = np.concatenate([features, ahead])
        for at in range(0, len(features), self._sampling.chunk):
            n = min(self._sampling.chunk, len(features) - at)
            part, state = self._chunk(state, rows[at : at + n + LOOKAHEAD], n, controls)
            parts.append(part)
        return np.concatenate(parts), state

    def _chunk(
        self, state: CausalState, rows: FloatArray, n: int, controls: Controls
    ) -> tuple[FloatArray, CausalState]:
        """``n`` frames for ``rows [n to n + 2, 160]``."""
        history = self._sampling.history
        heard = np.concatenate([state.heard, rows])
        fresh = self._embed(heard)[self._past :]
        missing = np.zeros((n + LOOKAHEAD - len(rows), fresh.shape[1]), np.float32)
        audio = np.concatenate([state.tokens, fresh, missing])
        emotion, modulations = self._condition(controls.emotion, controls.intensity)
        known = state.given[1:]
        previous = np.concatenate([state.given, np.repeat(state.given[-1:], n - 1, axis=0)])
        noise = np.stack([self._noise(state.seed, state.frame + i) for i in range(-history, n)])
        constant = {
            "previous": previous[None],
            "audio": audio[None],
            "emotion": emotion,
            "identity": state.identity[None],
            "mask": self._mask(n, len(missing)),
        }
        latent = noise
        for modulation, sigma, target in zip(
            modulations, self._schedule, self._schedule[1:], strict=False
        ):
            velocity = self._velocity(
                {"latent": latent[None], "modulation": modulation, **constant}
            )
            latent = latent + np.float32(target - sigma) * velocity[0]
            latent[:history] = known + np.float32(target) * (noise[:history] - known)
        made, settling = _smooth(latent[history:], state.settling, known[-1])
        motion = self._statistics.denormalise(made)
        idle = state.idle
        if self._sampling.idle:
            idle = _enliven(motion, idle, self._sampling.idle)
        after = CausalState(
            seed=state.seed,
            frame=state.frame + n,
            identity=state.identity,
            heard=heard[n : n + self._past],
            tokens=np.concatenate([state.tokens, fresh[:n]])[n:],
            given=np.concatenate([state.given, made])[n:],
            settling=settling,
            idle=idle,
        )
        return motion, after

    def _embed(self, heard: FloatArray) -> FloatArray:
        tokens: FloatArray = self._embedder({"audio": heard[None]})[0]
        return tokens

    def _noise(self, seed: int, frame: int) -> FloatArray:
        """Noise [70] of a frame, whatever chunk it falls into."""
        random = np.random.default_rng((seed, frame + self._sampling.history))
        return random.standard_normal(MOTION_DIM, np.float32) * self._temperature

    def _compute_condition(
        self, emotion: Emotion, intensity: float
    ) -> tuple[FloatArray, list[FloatArray]]:
        """The emotion token [1, D] and the modulation [1, S] of each step."""
        weights = torch.tensor([emotion_weights(emotion, intensity)])
        with torch.inference_mode():
            token = weights @ self._network.emotion_table
            times = [torch.tensor([sigma * TIME_SCALE]) for sigma in self._schedule[:-1]]
            modulations = [self._network.modulate(time, token).numpy() for time in times]
        return token.numpy(), modulations

    def _compute_mask(self, n: int, missing: int) -> npt.NDArray[np.bool_]:
        """History in chunks of one, then the new chunk; sound that is missing is not seen."""
        history = self._sampling.history
        chunk_of = torch.cat([torch.arange(history), torch.full((n,), history)])
        frames = history + n
        mask = chunk_mask(chunk_of, frames + LOOKAHEAD, 1, before=BEFORE, after=LOOKAHEAD)
        if missing:
            end = 2 * frames + LOOKAHEAD
            mask[:frames, end - missing : end] = False
        result: npt.NDArray[np.bool_] = mask.numpy()
        return result

    def _check(self, features: FloatArray, ahead: FloatArray) -> None:
        width = self._network.config.audio_features
        for name, rows in (("features", features), ("ahead", ahead)):
            if rows.ndim != 2 or rows.shape[1] != width:
                raise ValueError(f"{name} must be [n, {width}], not {list(rows.shape)}")
        if len(ahead) > LOOKAHEAD:
            raise ValueError(f"at most {LOOKAHEAD} rows ahead are used, not {len(ahead)}")


def _pace() -> FloatArray:
    """Share of the way to what was drawn that each number makes in a frame, twice [70]."""
    face = np.full((KEYPOINTS, 3), _FACE_PACE, np.float32)
    face[list(_QUICK)] = 1.0
    pace = np.full(MOTION_DIM, _HEAD_PACE, np.float32)
    pace[EXP] = face.reshape(-1)
    return np.maximum(pace, mouth_dimensions())


_PACE: Final = _pace()


def _smooth(
    drawn: FloatArray, settling: FloatArray, shown: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """``drawn [n, 70]`` with head and brows through a low-pass of second order, and its state.

    Noise that is invisible in lips makes a head tremble; the released pipeline smooths the head
    as well, over three frames centred on each, which a stream cannot.
    """
    smooth = np.empty_like(drawn)
    for i, frame in enumerate(drawn):
        settling = settling + _PACE * (frame - settling)
        shown = shown + _PACE * (settling - shown)
        smooth[i] = shown
    return smooth, settling


def _enliven(motion: FloatArray, idle: IdleState, strength: float) -> IdleState:
    """Add the idle process to ``motion [n, 70]`` in place; nods and brows follow open vowels."""
    face = expression(motion)
    gap = face[:, Keypoint.LOWER_INNER, 1] - face[:, Keypoint.UPPER_INNER, 1]
    voice = np.clip(gap / _VOICED_GAP, 0.0, 1.0).astype(np.float32)
    stress = np.clip(gap / _STRESSED_GAP - 0.5, 0.0, 1.0).astype(np.float32)
    added, idle = idle_motion(idle, voice, stress)
    lids = expression(added)[:, _LIDS, 1].copy()
    expression(added)[:, _LIDS, 1] = 0.0
    motion += np.float32(strength) * added
    # The process closes the lids from wide open; from half open they have less far to go.
    open_ = face[:, _LIDS, 1]
    face[:, _LIDS, 1] = np.minimum(open_ + lids * (1.0 - open_ / LID_TRAVEL), LID_TRAVEL)
    return idle


def _runner(path: Path, module: nn.Module) -> Runner:
    """Runs the ONNX file at ``path`` on one thread or, where there is none, ``module``."""
    if not path.exists():

        def eager(inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
            with torch.inference_mode():
                tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
                result: FloatArray = module(**tensors).numpy()
            return result

        return eager

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        result: FloatArray = session.run(None, inputs)[0]
        return result

    return run
