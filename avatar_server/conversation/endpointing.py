"""Endpointing: turns probabilities of speech into starts and ends of speech."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Generic, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from avatar_server.conversation.vad import VAD_FRAME, VadStateT, VoiceActivityDetector
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray

_FRAME_SECONDS: Final = VAD_FRAME / SPEECH_RATE


class EndpointPolicy(BaseModel):
    """What counts as speech. Durations are in seconds, rounded up to whole frames (32 ms)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Probability at or above which a frame may start speech."""
    release: Annotated[float, Field(gt=0, lt=1)] = 0.35
    """Probability below which a frame may end speech; between the two nothing changes."""
    min_speech: Annotated[float, Field(ge=0, le=2)] = 0.1
    """Shorter speech is ignored."""
    min_silence: Annotated[float, Field(ge=0, le=5)] = 0.2
    """Shorter gaps do not end speech."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.release > self.threshold:
            raise ValueError(
                f"release ({self.release}) must not be above threshold ({self.threshold})"
            )
        return self


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """Speech started or ended."""

    kind: Literal["started", "ended"]
    sample: int
    """Sample of the stream at which speech started or ended."""
    noticed: int
    """Sample of the stream at which it was detected: ``min_speech`` or ``min_silence`` later."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """State of the endpointer; frames are counted from the start of the stream."""

    frame: int = 0
    speaking: bool = False
    candidate: int | None = None
    """First frame of possible speech or, while speaking, of possible silence."""


class Endpointer:
    """A pure state machine over probabilities; see :class:`EndpointPolicy`."""

    def __init__(self, policy: EndpointPolicy) -> None:
        self._policy = policy
        self._min_speech = max(1, _frames(policy.min_speech))
        self._min_silence = max(1, _frames(policy.min_silence))

    def step(
        self, state: EndpointState, probability: float
    ) -> tuple[SpeechEvent | None, EndpointState]:
        """Take the probability of the next frame; returns the event, if any, and the new state."""
        frame = state.frame
        if state.speaking:
            turns = probability < self._policy.release
            stays = probability >= self._policy.threshold
            wanted = self._min_silence
        else:
            turns = probability >= self._policy.threshold
            stays = probability < self._policy.release
            wanted = self._min_speech
        candidate = state.candidate
        if stays:
            candidate = None
        elif turns and candidate is None:
            candidate = frame
        if candidate is None or frame + 1 - candidate < wanted:
            return None, EndpointState(frame + 1, state.speaking, candidate)
        kind: Literal["started", "ended"] = "ended" if state.speaking else "started"
        event = SpeechEvent(kind, candidate * VAD_FRAME, (frame + 1) * VAD_FRAME)
        return event, EndpointState(frame + 1, not state.speaking)


@dataclass(frozen=True, slots=True, eq=False)
class DetectorState(Generic[VadStateT]):
    vad: VadStateT
    endpoint: EndpointState = field(default_factory=EndpointState)
    rest: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    """Samples that do not fill a frame yet."""


class SpeechDetector(Generic[VadStateT]):
    """Finds the speech in a stream of sound that comes in chunks of any length."""

    def __init__(
        self, vad: VoiceActivityDetector[VadStateT], policy: EndpointPolicy | None = None
    ) -> None:
        self._vad = vad
        self._endpointer = Endpointer(policy or EndpointPolicy())

    def init_state(self) -> DetectorState[VadStateT]:
        return DetectorState(self._vad.init_state())

    def step(
        self, state: DetectorState[VadStateT], sound: FloatArray
    ) -> tuple[tuple[SpeechEvent, ...], DetectorState[VadStateT]]:
        """Take ``sound [n]`` at 16 kHz; returns its events, in order, and the new state."""
        waiting = np.concatenate([state.rest, sound])
        whole = len(waiting) // VAD_FRAME * VAD_FRAME
        probabilities, vad = self._vad.step(state.vad, waiting[:whole])
        events: list[SpeechEvent] = []
        endpoint = state.endpoint
        for probability in probabilities:
            event, endpoint = self._endpointer.step(endpoint, float(probability))
            if event is not None:
                events.append(event)
        return tuple(events), replace(state, vad=vad, endpoint=endpoint, rest=waiting[whole:])


def _frames(seconds: float) -> int:
    # Rounded to nanoseconds first, so that 0.064 s is two frames and not three.
    return int(np.ceil(round(seconds / _FRAME_SECONDS, 9)))
