"""The interface of motion generators and feature extractors, for every model family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar, get_args

from motion.layout import FloatArray

SPEECH_RATE = 16_000
"""Sample rate in Hz of the mono float32 speech that features are computed from."""

SAMPLES_PER_FRAME = 640
"""Speech samples under one motion frame (40 ms)."""

Emotion = Literal[
    "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "none"
]
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)
"""The classes of MoDA, in the order of its embedding table; "none" is "not given"."""


Attention = Literal["idle", "listening", "thinking", "speaking"]
"""What an avatar attends to: nothing, the user who speaks, its answer, its own speech."""


def emotion_named(name: str) -> Emotion:
    """The emotion of that name; raises ValueError listing those that exist."""
    for emotion in EMOTIONS:
        if emotion == name:
            return emotion
    raise ValueError(f"unknown emotion {name!r}; choose one of {', '.join(EMOTIONS)}")


@dataclass(frozen=True, slots=True)
class Controls:
    """What a session may change about the motion at any time."""

    emotion: Emotion = "none"
    intensity: float = 1.0
    """Strength of the emotion, 0 to 1."""
    guidance: float | None = None
    """Weight of classifier-free guidance, 1 (none) to 4; None is what suits the model best."""
    head: float = 1.0
    """Strength of the head's motion, 0 (still) to 2."""
    attention: Attention = "idle"
    """What the avatar attends to, which its manner shows."""
    seed: int = 0
    """Seed of the random part of the motion; the same seed gives the same motion."""

    def __post_init__(self) -> None:
        emotion_named(self.emotion)
        if self.attention not in get_args(Attention):
            raise ValueError(
                f"attention must be one of {get_args(Attention)}, not {self.attention!r}"
            )
        if not 0.0 <= self.intensity <= 1.0:
            raise ValueError(f"emotion intensity must be between 0 and 1, not {self.intensity}")
        if self.guidance is not None and not 1.0 <= self.guidance <= 4.0:
            raise ValueError(f"guidance must be between 1 and 4, not {self.guidance}")
        if not 0.0 <= self.head <= 2.0:
            raise ValueError(f"head motion must be between 0 and 2, not {self.head}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"a seed must be from 0 to 2^32 - 1, not {self.seed}")


class Identity(Protocol):
    """What a generator may know about the face that it moves."""

    @property
    def canonical(self) -> FloatArray:
        """Canonical keypoints x_c [21, 3]."""


StateT = TypeVar("StateT")

Stepped = tuple[FloatArray, Sequence[StateT]]
"""Rows [n, dim] of n frames, and the n + 1 states before, between and after them.

A state is never changed in place, so any of them can be taken up again: a barge-in goes on from
the last frame shown.
"""


class FeatureExtractor(Protocol[StateT]):
    """Causal speech features at 25 fps: row k depends on samples before ``640 (k + 1)`` only."""

    dim: int

    def init_state(self) -> StateT:
        """State before the first sample (silence on the left)."""

    def step(self, state: StateT, speech: FloatArray) -> Stepped[StateT]:
        """Features [n, dim] of ``speech [640 n]``, any n >= 0.

        Raises ValueError on any other length.
        """

    def steps(self, sessions: Sequence[tuple[StateT, FloatArray]]) -> list[Stepped[StateT]]:
        """:meth:`step` for the states and sounds of several sessions."""
        return [self.step(state, speech) for state, speech in sessions]


@dataclass(frozen=True, slots=True)
class MotionRequest(Generic[StateT]):
    """One session's request for the motion of its next n frames."""

    state: StateT
    features: FloatArray
    """[n, dim]"""
    ahead: FloatArray
    """[m, dim]: features of the m frames after those, as far as they are known."""
    controls: Controls

    def check(self, dim: int, lookahead: int) -> None:
        """Raise ValueError for features of another size or more than ``lookahead`` rows ahead."""
        for name, rows in (("features", self.features), ("ahead", self.ahead)):
            if rows.ndim != 2 or rows.shape[1] != dim:
                raise ValueError(f"{name} must be [n, {dim}], not {list(rows.shape)}")
        if len(self.ahead) > lookahead:
            raise ValueError(f"at most {lookahead} rows ahead are used, not {len(self.ahead)}")


class MotionGenerator(Protocol[StateT]):
    """A causal, streaming generator of motion.

    ``offline(x) == concat(step over chunks of x)`` holds for any chunking, given the same
    look-ahead; where frames are drawn together, for chunks of whole multiples of ``chunk`` (others
    give motion that is as good, but not the same).
    """

    lookahead: int
    """Most frames of features after those of a request that are used."""

    chunk: int
    """Frames that are best requested at a time."""

    def init_state(self, identity: Identity) -> StateT:
        """State before the first frame."""

    def steps(self, requests: Sequence[MotionRequest[StateT]]) -> list[Stepped[StateT]]:
        """Motion [n, 70] for each request; those of several sessions share the work.

        Raises ValueError for features of another size or for more than ``lookahead`` rows ahead.
        """

    def step(
        self, state: StateT, features: FloatArray, ahead: FloatArray, controls: Controls
    ) -> Stepped[StateT]:
        """:meth:`steps` for one session."""
        (stepped,) = self.steps([MotionRequest(state, features, ahead, controls)])
        return stepped
