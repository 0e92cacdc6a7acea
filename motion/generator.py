"""The causal MoDA as a streaming motion generator on one CPU core.

Speech features become audio tokens once. Each chunk of new frames is then sampled in a few Euler
steps from noise, in a window that also holds the last frames given out: they are on the flow path
with their own noise (known-prefix conditioning), and every frame is told the frame before its
chunk (first-frame conditioning), so chunks join without a fade.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from motion.contract import Controls, Emotion, Identity
from motion.layout import MOTION_DIM, FloatArray, neutral_motion
from motion.moda.causal import (
    BEFORE,
    LOOKAHEAD,
    SILENCE,
    emotion_weights,
    mouth_dimensions,
)
from motion.moda.causal_export import EMBEDDER_FILE, VELOCITY_FILE
from motion.moda.masks import chunk_mask
from motion.moda.sampler import TIME_SCALE, uniform_schedule
from motion.moda.trained import load_model

MODEL_FILE: Final = "model.safetensors"
BUILT_IN: Final = Path(__file__).parent / "data" / "causal"
"""The model that ships with the package."""


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

    def __post_init__(self) -> None:
        if min(self.steps, self.chunk) < 1 or self.history < 2:
            raise ValueError("sampling needs at least 1 step, a chunk of 1 and a history of 2")
        if not (0.0 <= self.mouth_temperature <= 2.0 and 0.0 <= self.face_temperature <= 2.0):
            raise ValueError("temperatures must be between 0 and 2")


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


class CausalMoDA:
    """Implements :class:`motion.contract.MotionGenerator`; stateless, safe to share."""

    lookahead: int = LOOKAHEAD

    def __init__(self, folder: Path = BUILT_IN, sampling: Sampling | None = None) -> None:
        """Load the model in ``folder``. Raises OSError or
        :class:`motion.moda.trained.ModelFileError`."""
        self._sampling = sampling or Sampling()
        model = load_model(folder / MODEL_FILE)
        self._network = model.network
        self._statistics = model.statistics
        self._embedder = _session(folder / EMBEDDER_FILE)
        self._velocity = _session(folder / VELOCITY_FILE)
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
        keypoints = torch.from_numpy(np.asarray(identity.canonical, np.float32).reshape(1, -1))
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
            (velocity,) = self._velocity.run(
                None, {"latent": latent[None], "modulation": modulation, **constant}
            )
            latent = latent + np.float32(target - sigma) * velocity[0]
            latent[:history] = known + np.float32(target) * (noise[:history] - known)
        made = latent[history:]
        after = CausalState(
            seed=state.seed,
            frame=state.frame + n,
            identity=state.identity,
            heard=heard[n : n + self._past],
            tokens=np.concatenate([state.tokens, fresh[:n]])[n:],
            given=np.concatenate([state.given, made])[n:],
        )
        motion = self._statistics.denormalise(made)
        return motion, after

    def _embed(self, heard: FloatArray) -> FloatArray:
        (tokens,) = self._embedder.run(None, {"audio": heard[None]})
        embedded: FloatArray = tokens[0]
        return embedded

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


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
