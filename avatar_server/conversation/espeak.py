"""The embedded text-to-speech engine: espeak-ng in process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from avatar_server.conversation.clauses import clauses
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError, WordMark
from motion.speech.espeak import Block, EspeakError, Prosody, engine

DEFAULT_VOICE: Final = "en-us"


class EspeakTextToSpeech:
    """Speaks at 22 050 Hz, far faster than real time, in any language that espeak-ng has.

    The engine takes one call at a time. One worker thread serves the calls of all sessions in the
    order in which they come; long text goes to it clause by clause, the next clause only when the
    last one has been taken, so that nobody waits long and nothing piles up.
    """

    def __init__(self, prosody: Prosody | None = None) -> None:
        self._prosody = prosody or Prosody()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")

    def voices(self) -> tuple[str, ...]:
        """Language tags, each once, the default first; the engine's own voice names and variants
        ("en-us+f3") are accepted as well."""
        languages = sorted({voice.languages[0] for voice in engine().voices} - {DEFAULT_VOICE})
        return (DEFAULT_VOICE, *languages)

    async def synthesize(
        self, text: str, voice: str = DEFAULT_VOICE
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Speak ``text`` in chunks of at most 60 ms; text with nothing to say yields nothing.

        Closing the iterator stops the engine at its next chunk. Raises
        :class:`SpeechSynthesisError` for a voice that espeak-ng does not have.
        """
        samples = 0
        spoken_to = 0
        for index, clause in clauses(text):
            silent = True
            position = 0  # in the sound of this clause
            async with contextlib.aclosing(self._speak(clause, voice)) as blocks:
                async for block in blocks:
                    marks = []
                    for word in block.words:
                        start = index + word.start
                        end = index + word.end
                        # The words of a number, an emoji or a symbol all refer to its characters.
                        if start >= spoken_to and text[start:end].strip():
                            spoken_to = end
                            sample = samples + word.sample - position
                            marks.append(WordMark(start, spoken_to, sample))
                    position += len(block.pcm)
                    # Punctuation alone yields a short silence without a word: skip it.
                    silent = silent and not block.words
                    if not silent:
                        yield SpeechChunk(block.pcm, engine().rate, tuple(marks))
                        samples += len(block.pcm)

    async def aclose(self) -> None:
        """Let the current call end and free the worker thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _speak(self, clause: str, voice: str) -> AsyncGenerator[Block, None]:
        """The blocks of one call to the engine, as they are made on the worker thread."""
        loop = asyncio.get_running_loop()
        blocks: asyncio.Queue[Block | None] = asyncio.Queue()  # bounded by the clause's length
        stopped = threading.Event()

        def hand_over(block: Block) -> bool:
            if stopped.is_set():
                return False
            loop.call_soon_threadsafe(blocks.put_nowait, block)
            return True

        def speak() -> None:
            engine().speak(clause, voice, hand_over, self._prosody)

        call = loop.run_in_executor(self._worker, speak)
        call.add_done_callback(lambda _: blocks.put_nowait(None))
        try:
            while (block := await blocks.get()) is not None:
                yield block
            await call
        except EspeakError as error:
            raise SpeechSynthesisError(str(error)) from error
        finally:
            stopped.set()
            call.cancel()
