"""The interface of speech recognisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from motion.layout import FloatArray


class RecognitionError(RuntimeError):
    """The recogniser failed; the message says why and what to do."""


class Recognition(Protocol):
    """The recognition of one turn of one speaker. Use from one event loop only."""

    def feed(self, speech: FloatArray) -> None:
        """Take ``speech [n]`` at 16 kHz; returns at once."""

    async def transcript(self) -> str:
        """The text of everything fed so far; "" if it has no words.

        The turn may go on: more can be fed, and later transcripts contain it all. Cancelling
        the call stops the work. Raises :class:`RecognitionError`.
        """

    def close(self) -> None:
        """Forget the turn and stop working on it; no partial transcript comes any more."""


class SpeechRecogniser(Protocol):
    """Serves any number of turns at the same time."""

    def open(self, language: str, on_partial: Callable[[str], None]) -> Recognition:
        """Begin a turn in ``language`` (a tag such as "en" or "de-at", or "auto").

        ``on_partial`` is called in the event loop with the text so far whenever it has changed;
        words may still be corrected. Raises :class:`RecognitionError` for a language that the
        engine does not have.
        """

    async def warm_up(self) -> None:
        """Do what would make the first turn slow. Raises :class:`RecognitionError`."""

    async def aclose(self) -> None:
        """Free threads and processes; open recognitions are closed."""
