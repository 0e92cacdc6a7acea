"""The interface of voice-activity detectors."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from motion.layout import FloatArray

VAD_FRAME: Final = 512
"""Samples per frame at 16 kHz (32 ms); each frame has one probability."""

VadStateT = TypeVar("VadStateT")


class VoiceActivityDetector(Protocol[VadStateT]):
    """Detects speech, frame by frame.

    ``offline(x) == concat(step over chunks of x)`` holds for any chunking into whole frames. A
    state is never changed in place.
    """

    def init_state(self) -> VadStateT:
        """State before the first sample."""

    def step(self, state: VadStateT, speech: FloatArray) -> tuple[FloatArray, VadStateT]:
        """Probabilities [n] that ``speech [512 n]`` at 16 kHz is speech, and the state after it.

        Raises ValueError on any other length.
        """
