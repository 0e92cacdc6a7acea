"""The causal MoDA as a streaming motion generator on one CPU core.

Speech features become audio tokens once. Each chunk of new frames is then sampled from noise in
one or a few Euler steps, in a window that also holds the last frames given out. Those are kept on
the flow path with their own noise (known-prefix conditioning), and every frame is conditioned on
the frame before its chunk (first-frame conditioning), so that chunks join without a fade. Chunks of
several sessions that have the same length are sampled as one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import torch

from motion.attention import AttentionState, attend
from motion.contract import Controls, Emotion, Identity, MotionGenerator, MotionRequest, Stepped
from motion.emotion import emotion_offsets
from motion.finish import enliven, smooth
from motion.head import ease_strength, scale_head
from motion.idle import IdleState, reseed
from motion.layout import MOTION_DIM, FloatArray, neutral_motion
from motion.limits import motion_limits
from motion.moda.causal import LOOKAHEAD, SILENCE, emotion_weights, mouth_dimensions
from motion.moda.causal_export import EMBEDDER_FILE, VELOCITY_FILE, Embedder
from motion.moda.causal_runner import Runner, in_onnx_runtime, in_torch
from motion.moda.chunks import in_chunks
from motion.moda.masks import chunk_mask
from motion.moda.network import VelocityStep
from motion.moda.passes import guidance_passes, pass_weights
from motion.moda.sampler import TIME_SCALE, uniform_schedule
from motion.moda.trained import TrainedModel, load_model

MODEL_FILE: Final = "model.safetensors"
BUILT_IN: Final = Path(__file__).parent / "data" / "causal"
"""The model that ships with the package."""

_TRUST: Final = 1.0 - np.float32(0.25) * mouth_dimensions()
"""How much the motion shown before counts against the mood's rest [70].

Training shows no mouth that stays open in silence. One that is open after the last word would be
taken for a reason to stay so; told that it is less open than it is, the network closes it."""
_TRUST_IN_SILENCE: Final = 1.0 - np.float32(0.7) * mouth_dimensions()
"""The same where nothing at all is heard, as after an interruption."""

_LONGEST: Final = 64
_FADES: Final = (
    mouth_dimensions() * np.float32(0.7) ** np.arange(1, _LONGEST + 1, dtype=np.float32)[:, None]
)
"""Share [n, 70] of what the last frame's second drawing missed that frames after it add.

The mouth of a chunk is drawn knowing what follows, that of the frame before it was drawn without:
this spreads the difference over several frames."""
_RETURN_FRAMES: Final = 12
_RETURNS: Final = (1.0 - mouth_dimensions()) * (
    1.0 - np.float32(1.0 - 1.0 / _RETURN_FRAMES) ** np.arange(1, _LONGEST + 1)[:, None]
).astype(np.float32)
"""Share [n, 70] of the way to the mood's rest that a chunk takes off all but the mouth.

The network follows its own head, so the least bias adds up: without this the head would lean by
some degrees and pixels after a few minutes. What moves within half a second stays."""


@lru_cache(maxsize=4096)
def _noise_row(seed: int, frame: int) -> FloatArray:
    """The noise [70] of a frame, which several chunks are sampled from: drawing it takes longer."""
    return np.random.default_rng((seed, frame)).standard_normal(MOTION_DIM, np.float32)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters of sampling. Raises ValueError for values out of range."""

    steps: int = 1
    chunk: int = 4
    """Most frames that are sampled together."""
    history: int = 8
    """Frames before a chunk that it is sampled with."""
    mouth_temperature: float = 0.3
    """Standard deviation of the mouth's initial noise; less keeps it closer to the sound."""
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
    """The state between two frames; arrays are never modified."""

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
    """State of the smoothing filter after the last frame [70], see :func:`motion.finish.smooth`."""
    head: float
    """Present strength of the head's motion."""
    idle: IdleState
    attention: AttentionState


@dataclass(frozen=True, slots=True)
class _Chunk:
    """New frames of one session, ready to be sampled."""

    state: CausalState
    controls: Controls
    n: int
    heard: FloatArray
    """Features that the embedder needs [past + n to n + 2, 160]."""


class CausalMoDA(MotionGenerator[CausalState]):
    """Stateless, safe to share."""

    lookahead: int = LOOKAHEAD

    def __init__(
        self, model: TrainedModel, embedder: Runner, velocity: Runner, sampling: Sampling
    ) -> None:
        """``embedder`` and ``velocity`` run the parts of :mod:`motion.moda.causal_export`."""
        self._sampling = sampling
        self.chunk = sampling.chunk
        self._network = model.network
        self._statistics = model.statistics
        self._limits = [self._statistics.normalise(limit) for limit in motion_limits()]
        self._embedder = embedder
        self._velocity = velocity
        self._past = model.network.audio_embedder.past
        self._schedule = uniform_schedule(self._sampling.steps)
        mouth = mouth_dimensions()
        self._temperature = np.where(
            mouth > 0, self._sampling.mouth_temperature, self._sampling.face_temperature
        ).astype(np.float32)
        self._no_sound = self._null_token()
        self._rest = lru_cache(maxsize=256)(self._compute_rest)
        self._condition = lru_cache(maxsize=256)(self._compute_condition)
        self._mask = lru_cache(maxsize=64)(self._compute_mask)

    @classmethod
    def load(cls, folder: Path = BUILT_IN, sampling: Sampling | None = None) -> Self:
        """The model in ``folder``; without its ONNX files torch runs it, which is slower.

        Raises OSError or :class:`motion.moda.trained.ModelFileError`.
        """
        model = load_model(folder / MODEL_FILE)
        embedder, velocity = folder / EMBEDDER_FILE, folder / VELOCITY_FILE
        if not (embedder.exists() and velocity.exists()):
            return cls.in_torch(model, sampling)
        sampling = sampling or Sampling()
        return cls(model, in_onnx_runtime(embedder), in_onnx_runtime(velocity), sampling)

    @classmethod
    def in_torch(cls, model: TrainedModel, sampling: Sampling | None = None) -> Self:
        """``model`` run by torch."""
        network = model.network
        parts = in_torch(Embedder(network)), in_torch(VelocityStep(network))
        return cls(model, *parts, sampling or Sampling())

    def init_state(self, identity: Identity) -> CausalState:
        history = self._sampling.history
        keypoints = torch.from_numpy(np.array(identity.canonical, np.float32).reshape(1, -1))
        with torch.inference_mode():
            token = self._network.identity_embedder(keypoints)[0].numpy()
        width = self._network.config.audio_features
        heard = np.full((self._past + history, width), SILENCE, np.float32)
        tokens = self._embedder({"audio": heard[None]})[0]
        rest = self._rest("none", 1.0)
        return CausalState(
            frame=0,
            identity=token,
            heard=heard[history:],
            tokens=tokens[self._past :],
            given=np.repeat(rest, history + 1, axis=0),
            settling=rest[0],
            head=1.0,
            idle=IdleState(),
            attention=AttentionState(),
        )

    def steps(self, requests: Sequence[MotionRequest[CausalState]]) -> list[Stepped[CausalState]]:
        for request in requests:
            request.check(self._network.config.audio_features, self.lookahead)
        return in_chunks(
            requests,
            self.chunk,
            self._next,
            lambda chunk: (chunk.n, len(chunk.heard)),
            self._sample,
        )

    def _next(self, state: CausalState, request: MotionRequest[CausalState], start: int) -> _Chunk:
        n = min(self.chunk, len(request.features) - start)
        rows = np.concatenate([request.features[start:], request.ahead])[: n + LOOKAHEAD]
        return _Chunk(state, request.controls, n, np.concatenate([state.heard, rows]))

    def _sample(self, chunks: Sequence[_Chunk]) -> list[tuple[FloatArray, list[CausalState]]]:
        """Motion [n, 70] and the n states after its frames, for chunks that are alike."""
        history, n = self._sampling.history, chunks[0].n
        fresh = self._embedder({"audio": np.stack([c.heard for c in chunks])})[:, self._past :]
        missing = n + LOOKAHEAD - fresh.shape[1]
        unheard = np.zeros((len(chunks), missing, fresh.shape[2]), np.float32)
        tokens = np.stack([c.state.tokens for c in chunks])
        given = np.stack([c.state.given for c in chunks])
        audio = np.concatenate([tokens, fresh, unheard], axis=1)
        passes = guidance_passes([c.controls for c in chunks])
        of = np.array([p.chunk for p in passes])
        audio = audio[of]
        audio[[not p.audio for p in passes]] = self._no_sound
        conditions = [
            self._condition(chunks[p.chunk].controls.emotion, chunks[p.chunk].controls.intensity)
            if p.emotion
            else self._condition(None)
            for p in passes
        ]
        # The last frame given out is sampled again together with the new ones.
        kept = history - 1
        previous = np.concatenate([given[:, :-1], np.repeat(given[:, -2:-1], n, axis=1)], axis=1)
        rests = np.stack([self._rest(c.controls.emotion, c.controls.intensity) for c in chunks])
        silent = np.array([c.heard[self._past :].max() <= SILENCE for c in chunks])
        trusts = np.where(silent[:, None, None], _TRUST_IN_SILENCE, _TRUST)
        constant = {
            "previous": (rests + trusts * (previous - rests))[of],
            "audio": audio,
            "emotion": np.stack([emotion for emotion, _ in conditions]),
            "identity": np.stack([c.state.identity for c in chunks])[of],
            "mask": self._mask(n, missing),
        }
        weights = pass_weights(passes, len(chunks))
        noise = np.stack([self._noise(c) for c in chunks])
        known = given[:, 1:-1]
        latent = noise
        for k, (sigma, target) in enumerate(zip(self._schedule, self._schedule[1:], strict=False)):
            modulation = np.stack([modulations[k] for _, modulations in conditions])
            inputs = {"latent": latent[of], "modulation": modulation, **constant}
            velocity = np.tensordot(weights, self._velocity(inputs), 1)
            latent = latent + np.float32(target - sigma) * velocity
            latent[:, :kept] = known + np.float32(target) * (noise[:, :kept] - known)
        drawn = latent[:, history:] + _FADES[:n] * (given[:, -1:] - latent[:, kept : kept + 1])
        drawn += _RETURNS[:n] * (rests - drawn)
        np.clip(drawn, *self._limits, out=drawn)
        return [self._show(c, drawn[i], fresh[i, :n]) for i, c in enumerate(chunks)]

    def _show(
        self, chunk: _Chunk, drawn: FloatArray, tokens: FloatArray
    ) -> tuple[FloatArray, list[CausalState]]:
        """What is shown for a chunk that was ``drawn [n, 70]``, and the states after it."""
        state, controls, n = chunk.state, chunk.controls, chunk.n
        history = self._sampling.history
        made, settling = smooth(drawn, state.settling, state.given[-1])
        motion = self._statistics.denormalise(made)
        idle: Sequence[IdleState] = [state.idle] * (n + 1)
        if self._sampling.idle:
            idle = enliven(motion, reseed(state.idle, controls.seed), self._sampling.idle)
        attention = attend(motion, state.attention, controls.attention, controls.seed)
        heads = ease_strength(state.head, controls.head, n)
        scale_head(motion, heads)
        heard = np.concatenate([state.tokens, tokens])
        given = np.concatenate([state.given, made])
        after = [
            CausalState(
                frame=state.frame + i,
                identity=state.identity,
                heard=chunk.heard[i : i + self._past],
                tokens=heard[i : i + history],
                given=given[i : i + history + 1],
                settling=settling[i - 1],
                head=float(heads[i - 1]),
                idle=idle[i],
                attention=attention[i],
            )
            for i in range(1, n + 1)
        ]
        return motion, after

    def _noise(self, chunk: _Chunk) -> FloatArray:
        """Noise [history + n, 70]: that of a frame is the same in whatever chunk it falls."""
        first, seed = chunk.state.frame, chunk.controls.seed
        frames = range(first, first + self._sampling.history + chunk.n)
        return np.stack([_noise_row(seed, frame) for frame in frames]) * self._temperature

    def _compute_condition(
        self, emotion: Emotion | None, intensity: float = 1.0
    ) -> tuple[FloatArray, list[FloatArray]]:
        """The emotion token [D] and the modulation [S] of each step; None is any emotion."""
        with torch.inference_mode():
            if emotion is None:
                weights = self._network.emotions(torch.tensor([self._network.config.no_emotion]))
            else:
                weights = torch.tensor([emotion_weights(emotion, intensity)])
            token = weights @ self._network.emotion_table
            times = [torch.tensor([sigma * TIME_SCALE]) for sigma in self._schedule[:-1]]
            modulations = [self._network.modulate(time, token)[0].numpy() for time in times]
        return token[0].numpy(), modulations

    def _compute_rest(self, emotion: Emotion, intensity: float) -> FloatArray:
        """A silent face in a mood, normalised [1, 70]."""
        offsets = emotion_offsets(Controls(emotion, intensity))
        return self._statistics.normalise(neutral_motion() + offsets)

    def _null_token(self) -> FloatArray:
        """The audio token [D] of sound that is not given."""
        rows = self._network.null_audio.numpy()[None].repeat(self._past + 1, axis=0)
        token: FloatArray = self._embedder({"audio": rows[None]})[0, -1]
        return token

    def _compute_mask(self, n: int, missing: int) -> npt.NDArray[np.bool_]:
        """History in chunks of one, then the new chunk; sound that is missing is not seen."""
        history = self._sampling.history
        chunk_of = torch.cat([torch.arange(history - 1), torch.full((n + 1,), history - 1)])
        frames, before = history + n, self._network.config.audio_before
        mask = chunk_mask(chunk_of, frames + LOOKAHEAD, before=before, after=LOOKAHEAD)
        if missing:
            end = 2 * frames + LOOKAHEAD
            mask[:frames, end - missing : end] = False
        result: npt.NDArray[np.bool_] = mask.numpy()
        return result
