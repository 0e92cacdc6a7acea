"""The interface of text-to-speech engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from motion.layout import FloatArray


@dataclass(frozen=True, slots=True)
class WordMark:
    """The position of a word in the text and in the sound."""

    start: int
    """Index of its first character in the text."""
    end: int
    """Index after its last character."""
    sample: int
    """Sample at which it starts, counted from the start of the utterance."""


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A stretch of synthesised speech: mono float32 in [-1, 1] at ``rate`` Hz."""

    pcm: FloatArray
    rate: int
    words: tuple[WordMark, ...] = ()
    """Words that begin in this chunk; empty where the engine does not know."""


class SpeechSynthesisError(RuntimeError):
    """The engine could not speak the text; the message says why and what to do."""


class TextToSpeech(Protocol):
    def synthesize(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        """Speak ``text``, yielding chunks as they are made.

        Closing the iterator stops the engine within one chunk. Raises
        :class:`SpeechSynthesisError` for an unknown voice or an engine that fails.
        """

    def voices(self) -> tuple[str, ...]:
        """Names that :meth:`synthesize` takes, the default one first."""

    async def aclose(self) -> None:
        """Free threads and connections; speech that is under way ends."""
