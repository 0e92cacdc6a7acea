"""Speaks queued texts: from the speech engine into the session's speech buffer, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from avatar_server.conversation.tts import SpeechSynthesisError, TextToSpeech
from streaming.speech import SpeechBuffer

MAX_WAITING: Final = 32
"""Utterances that may wait to be spoken; more are refused."""


class SpeakerBusyError(RuntimeError):
    """Too many utterances wait already."""


@dataclass(frozen=True, slots=True)
class Utterance:
    name: str
    text: str
    voice: str


class Speaker:
    """Use from one event loop only."""

    def __init__(
        self,
        engine: TextToSpeech,
        speech: SpeechBuffer,
        on_speech: Callable[[], None],
        on_error: Callable[[Utterance, SpeechSynthesisError], None],
    ) -> None:
        self._engine = engine
        self._speech = speech
        self._on_speech = on_speech
        self._on_error = on_error
        self._waiting: asyncio.Queue[Utterance] = asyncio.Queue(MAX_WAITING)
        self._current: asyncio.Task[None] | None = None

    def say(self, utterance: Utterance) -> None:
        """Queue an utterance; raises :class:`SpeakerBusyError` when too many wait."""
        try:
            self._waiting.put_nowait(utterance)
        except asyncio.QueueFull:
            raise SpeakerBusyError(
                f"{MAX_WAITING} utterances wait to be spoken; interrupt or send less at a time"
            ) from None

    def stop(self) -> None:
        """Forget what waits and stop the engine."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        if self._current is not None:
            self._current.cancel()

    async def run(self) -> None:
        """Speak until cancelled."""
        while True:
            utterance = await self._waiting.get()
            self._current = asyncio.create_task(self._speak(utterance), name="speak")
            try:
                await asyncio.wait([self._current])
            finally:
                self._current.cancel()
            if not self._current.cancelled() and (error := self._current.exception()):
                raise error
            self._current = None

    async def _speak(self, utterance: Utterance) -> None:
        source = self._speech.begin(utterance.name, utterance.text)
        try:
            async with aclosing(self._engine.synthesize(utterance.text, utterance.voice)) as chunks:
                async for chunk in chunks:
                    source.push(chunk.pcm, chunk.rate)
                    for word in chunk.words:
                        source.cue(word.sample, chunk.rate, word.end)
                    self._on_speech()
                    await self._speech.room()
        except SpeechSynthesisError as error:
            self._on_error(utterance, error)
        source.end()
        self._on_speech()
