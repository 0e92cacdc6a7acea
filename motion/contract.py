"""What a motion generator and its features must do; every model family implements this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, get_args

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


def emotion_named(name: str) -> Emotion:
    """The emotion of that name; raises ValueError listing those that exist."""
    for emotion in EMOTIONS:
        if emotion == name:
            return emotion
    raise ValueError(f"unknown emotion {name!r}; choose one of {', '.join(EMOTIONS)}")


@dataclass(frozen=True, slots=True)
class Controls:
    """What a session may change while its avatar talks."""

    emotion: Emotion = "none"
    intensity: float = 1.0
    """Strength of the emotion, 0 to 1."""

    def __post_init__(self) -> None:
        emotion_named(self.emotion)
        if not 0.0 <= self.intensity <= 1.0:
            raise ValueError(f"emotion intensity must be between 0 and 1, not {self.intensity}")


class Identity(Protocol):
    """What a generator may know of the face that it moves."""

    @property
    def canonical(self) -> FloatArray:
        """Canonical keypoints x_c [21, 3]."""


FeatureStateT = TypeVar("FeatureStateT")
MotionStateT = TypeVar("MotionStateT")


class FeatureExtractor(Protocol[FeatureStateT]):
    """Causal speech features at 25 fps: row k depends on samples before ``640 (k + 1)`` only."""

    dim: int

    def init_state(self) -> FeatureStateT:
        """State before the first sample (silence on the left)."""

    def step(self, state: FeatureStateT, speech: FloatArray) -> tuple[FloatArray, FeatureStateT]:
        """Features [n, dim] of ``speech [640 n]`` (any n >= 0) and the state after it.

        The given state is left as it was. Raises ValueError on any other length.
        """


class MotionGenerator(Protocol[MotionStateT]):
    """A causal, streaming generator of motion.

    ``offline(x) == concat(step over chunks of x)`` holds for any chunking, given the same
    look-ahead; where frames are drawn together, for chunks of whole multiples of what is drawn
    at once (other chunks give motion that is as good, but not the same). A state is never
    changed in place, so an earlier one can be taken up again (a barge-in goes on from the last
    frame shown).
    """

    lookahead: int
    """Frames of features after the chunk that :meth:`step` can use."""

    def init_state(self, identity: Identity, seed: int) -> MotionStateT:
        """State before the first frame; the same seed gives the same motion."""

    def step(
        self,
        state: MotionStateT,
        features: FloatArray,
        ahead: FloatArray,
        controls: Controls,
    ) -> tuple[FloatArray, MotionStateT]:
        """Motion [n, 70] for ``features [n, dim]`` and the state after it.

        ``ahead [m, dim]``, ``0 <= m <= lookahead``, are features that follow the chunk; fewer
        than ``lookahead`` means that the sound is not there yet.
        """
