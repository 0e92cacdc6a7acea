"""The user's microphone: detection and recognition of the speech in its sound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from avatar_server.conversation.asr import Recognition, SpeechRecogniser
from avatar_server.conversation.endpointing import SpeechDetector, SpeechEvent
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray

PREROLL_SECONDS: Final = 0.5
"""Sound before the detected start of speech that the recogniser gets as well."""

STIRRED_SECONDS: Final = 0.5
"""How long a possible start of speech keeps the avatar's attention."""


class Ear:
    """Use from one event loop only."""

    def __init__(self, detector: SpeechDetector[Any], recogniser: SpeechRecogniser) -> None:
        self.detector = detector
        """May be replaced by one with another policy over the same kind of VAD."""
        self.samples = 0
        """Samples heard so far, at 16 kHz."""
        self._stirred = -SPEECH_RATE
        """Value of :attr:`samples` at the last possible start of speech."""
        self._detection = detector.init_state()
        self._recogniser = recogniser
        self._recognition: Recognition | None = None
        self._preroll: deque[FloatArray] = deque()

    @property
    def recognising(self) -> bool:
        """Whether a turn is being recognised."""
        return self._recognition is not None

    @property
    def stirred(self) -> bool:
        """Whether something that may be the start of speech was heard just now."""
        return self.samples - self._stirred < STIRRED_SECONDS * SPEECH_RATE

    def hear(self, speech: FloatArray) -> tuple[SpeechEvent, ...]:
        """Take ``speech [n]`` at 16 kHz; returns the starts and ends of speech found in it."""
        self.samples += len(speech)
        if self._recognition is not None and self._detection.endpoint.speaking:
            self._recognition.feed(speech)
        else:
            self._remember(speech)
        events, self._detection = self.detector.step(self._detection, speech)
        endpoint = self._detection.endpoint
        if not endpoint.speaking and endpoint.candidate is not None:
            self._stirred = self.samples
        return events

    def open(self, language: str, on_partial: Callable[[str], None]) -> None:
        """Begin to recognise a turn; raises as :meth:`SpeechRecogniser.open` does."""
        self._recognition = self._recogniser.open(language, on_partial)

    def feed_remembered(self) -> None:
        """Feed the recogniser the sound from before the start of speech was detected."""
        if self._recognition is not None:
            for chunk in self._preroll:
                self._recognition.feed(chunk)
            self._preroll.clear()

    async def transcript(self) -> str:
        """The turn's text; raises as :meth:`Recognition.transcript` does."""
        return await self._recognition.transcript() if self._recognition is not None else ""

    def close(self) -> None:
        """Stop recognising the turn."""
        if self._recognition is not None:
            self._recognition.close()
            self._recognition = None

    def _remember(self, speech: FloatArray) -> None:
        self._preroll.append(np.asarray(speech, np.float32))
        kept = sum(map(len, self._preroll))
        while self._preroll and kept - len(self._preroll[0]) >= PREROLL_SECONDS * SPEECH_RATE:
            kept -= len(self._preroll.popleft())
