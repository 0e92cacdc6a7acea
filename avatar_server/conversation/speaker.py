"""Speaks queued utterances: from the speech engine into the session's speech buffer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Final, Protocol

from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError, TextToSpeech
from streaming.speech import SpeechBuffer
from streaming.speech_source import SpeechSource

log = logging.getLogger(__name__)

MAX_WAITING: Final = 32
"""Utterances that may be queued; more are refused."""


class SpeakerBusyError(RuntimeError):
    """Too many utterances are queued."""


class UtteranceListener(Protocol):
    """Follows the synthesis of an utterance, ahead of its playout."""

    def on_chunk(self, index: int, chunk: SpeechChunk) -> None:
        """More of its sound; word marks of ``chunk`` are relative to ``index`` of the text."""

    def on_made(self) -> None:
        """All of its sound has been generated."""


class Utterance:
    """A text that is spoken as one, although it may come in pieces."""

    def __init__(self, name: str, voice: str, listener: UtteranceListener | None = None) -> None:
        self.name = name
        self.voice = voice
        self.listener = listener
        self.text = ""
        """All pieces so far."""
        self._pieces: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue()

    def add(self, piece: str) -> None:
        """Append a piece that can be spoken on its own: a sentence or a clause."""
        if self.text and not self.text[-1].isspace() and not piece[:1].isspace():
            self.text += " "
        self._pieces.put_nowait((len(self.text), piece))
        self.text += piece

    def end(self) -> None:
        """There will be no further pieces."""
        self._pieces.put_nowait(None)

    async def next(self) -> tuple[int, str] | None:
        """The next piece and where in the text it begins; None after the last one."""
        return await self._pieces.get()


class Speaker:
    """Use from one event loop only."""

    def __init__(
        self,
        engine: TextToSpeech,
        speech: SpeechBuffer,
        on_speech: Callable[[], None],
        on_error: Callable[[Utterance, SpeechSynthesisError], None],
    ) -> None:
        """``on_speech`` is called when the buffer has grown, ``on_error`` when the engine fails."""
        self._engine = engine
        self._speech = speech
        self._on_speech = on_speech
        self._on_error = on_error
        self._waiting: asyncio.Queue[tuple[Utterance, SpeechSource]] = asyncio.Queue(MAX_WAITING)
        self._current: asyncio.Task[None] | None = None

    def say(self, utterance: Utterance) -> None:
        """Queue an utterance; raises :class:`SpeakerBusyError` when too many wait."""
        if self._waiting.full():
            raise SpeakerBusyError(
                f"{MAX_WAITING} utterances wait to be spoken; interrupt or send less at a time"
            )
        # Its source takes its place in the speech buffer before there is any sound.
        self._waiting.put_nowait((utterance, self._speech.begin(utterance.name)))

    def stop(self) -> None:
        """Drop all queued utterances and stop the engine."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        if self._current is not None:
            self._current.cancel()

    async def run(self) -> None:
        """Speak until cancelled."""
        while True:
            speaking = self._speak(*await self._waiting.get())
            self._current = asyncio.create_task(speaking, name="speak")
            try:
                await asyncio.wait([self._current])
            finally:
                self._current.cancel()
            if not self._current.cancelled() and (error := self._current.exception()):
                raise error
            self._current = None

    async def _speak(self, utterance: Utterance, source: SpeechSource) -> None:
        while (piece := await utterance.next()) is not None:
            try:
                await self._speak_piece(utterance, source, *piece)
            except SpeechSynthesisError as error:
                self._on_error(utterance, error)
            except Exception:  # engines of other packages may raise anything; the session goes on
                log.exception("the speech engine failed")
                said = "the speech engine failed; say it again, or look into the server's log"
                self._on_error(utterance, SpeechSynthesisError(said))
        source.text = utterance.text
        source.end()
        self._on_speech()
        if utterance.listener is not None:
            utterance.listener.on_made()

    async def _speak_piece(
        self, utterance: Utterance, source: SpeechSource, index: int, text: str
    ) -> None:
        begin = source.pushed_seconds
        async with aclosing(self._engine.synthesize(text, utterance.voice)) as chunks:
            async for chunk in chunks:
                source.push(chunk.pcm, chunk.rate)
                for word in chunk.words:
                    at = round(begin * chunk.rate) + word.sample
                    source.cue(at, chunk.rate, index + word.end)
                if utterance.listener is not None:
                    utterance.listener.on_chunk(index, chunk)
                self._on_speech()
                await self._speech.room(source)
