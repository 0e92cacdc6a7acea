"""PocketSphinx: recognises clear English speech with the model that its package carries."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from typing import Annotated, Any, Final, cast

import numpy as np
from pydantic import Field

from avatar_server.conversation.asr import RecognitionError
from avatar_server.conversation.engines import EngineUnavailableError
from avatar_server.conversation.sphinx_worker import AUDIO, FINISH, HEADER, RESET
from avatar_server.cores import usable_cores
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from streaming.resample import to_s16

_PIECE: Final = SPEECH_RATE // 2
"""Most samples that the decoder gets at once; the end of a turn waits for no more than that."""

MAX_WAITING: Final = 30 * SPEECH_RATE
"""Most samples queued for a decoder that is slower than real time; later sound is dropped. This
bounds how late an answer can be on a busy machine."""


class SphinxRecogniser:
    """For machines without a Whisper model: English only, small vocabulary of plain words.

    Each turn that is spoken at the same time takes one of at most ``processes`` processes of
    about 120 MB, by default one for each core; more turns wait for one, and lose nothing.
    """

    def __init__(self, processes: Annotated[int, Field(ge=1, le=64)] | None = None) -> None:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise EngineUnavailableError("install the package: pip install pocketsphinx")
        self._free = asyncio.Semaphore(processes or usable_cores())
        self._idle: list[_Worker] = []
        self._open: set[SphinxRecognition] = set()

    def open(self, language: str, on_partial: Callable[[str], None]) -> SphinxRecognition:
        if language != "auto" and language.split("-")[0].lower() != "en":
            raise RecognitionError(
                f"PocketSphinx hears English only, not {language!r}. Write instead; to speak, let "
                'the server hear by Whisper (asr = ["whisper"] in its settings, with a model)'
            )
        recognition = SphinxRecognition(self, on_partial)
        self._open.add(recognition)
        return recognition

    async def warm_up(self) -> None:
        async with self._free:
            worker = await self._take()
            await worker.ask(RESET)
            self._idle.append(worker)

    async def aclose(self) -> None:
        for recognition in tuple(self._open):
            await recognition.abandon()
        for worker in self._idle:
            await worker.stop()
        self._idle.clear()

    async def serve(self, recognition: SphinxRecognition) -> None:
        """Give ``recognition`` a process until it is closed."""
        try:
            async with self._free:
                worker = await self._take()
                try:
                    await recognition.pump(worker)
                    await worker.ask(RESET)
                except BaseException:
                    await worker.stop()
                    raise
                self._idle.append(worker)
        finally:
            self._open.discard(recognition)

    async def _take(self) -> _Worker:
        return self._idle.pop() if self._idle else await _Worker.start()


class SphinxRecognition:
    """A turn; a task of its own carries its sound to a process and brings back the words."""

    def __init__(self, engine: SphinxRecogniser, on_partial: Callable[[str], None]) -> None:
        self._on_partial = on_partial
        self._waiting = np.empty(0, np.float32)
        self._wanted: asyncio.Future[str] | None = None
        """The waiting call of :meth:`transcript`."""
        self._due = 0
        """Samples still to be decoded for that transcript; later ones wait until it is done."""
        self._settled = ""
        """Words up to the last transcript."""
        self._text = ""
        self._unsettled = False
        """Whether sound was decoded since."""
        self._changed = asyncio.Event()
        self._closed = False
        self._task = asyncio.create_task(engine.serve(self), name="sphinx turn")

    def feed(self, speech: FloatArray) -> None:
        if not self._closed and len(self._waiting) < MAX_WAITING:
            self._waiting = np.concatenate([self._waiting, speech])
            self._changed.set()

    async def transcript(self) -> str:
        self._wanted = asyncio.get_running_loop().create_future()
        self._due = len(self._waiting)
        self._changed.set()
        wanted = self._wanted
        either: list[asyncio.Future[Any]] = [self._task, wanted]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise RecognitionError(str(error)) from error
        return self._text

    def close(self) -> None:
        self._closed = True
        self._changed.set()
        # transcript() reports failures; without a call to it the error is of no interest.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def abandon(self) -> None:
        """Close, and end the process that works on it."""
        self.close()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def pump(self, worker: _Worker) -> None:
        """Exchange sound for words until the turn is closed."""
        while not self._closed:
            size = _PIECE if self._wanted is None else min(_PIECE, self._due)
            if size and len(self._waiting):
                piece, self._waiting = self._waiting[:size], self._waiting[size:]
                self._due = max(0, self._due - len(piece))
                words = await worker.ask(AUDIO, to_s16(piece).tobytes())
                self._unsettled = True
                self._show(_join(self._settled, words))
            elif self._wanted is not None:
                wanted, self._wanted = self._wanted, None
                if self._unsettled:
                    self._settled = _join(self._settled, await worker.ask(FINISH))
                    self._unsettled = False
                self._text = self._settled
                if not wanted.done():
                    wanted.set_result(self._text)
            else:
                self._changed.clear()
                await self._changed.wait()

    def _show(self, text: str) -> None:
        if text != self._text and not self._closed:
            self._text = text
            self._on_partial(text)


class _Worker:
    """A process with a decoder; it answers one request at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        # Both are pipes, as start() has them made.
        self._requests = cast(asyncio.StreamWriter, process.stdin)
        self._answers = cast(asyncio.StreamReader, process.stdout)

    @classmethod
    async def start(cls) -> _Worker:
        module = "avatar_server.conversation.sphinx_worker"
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
        )

    async def ask(self, operation: bytes, payload: bytes = b"") -> str:
        """The words that answer a request; raises RecognitionError if the process has died."""
        try:
            self._requests.write(HEADER.pack(operation, len(payload)) + payload)
            await self._requests.drain()
            answer = await self._answers.readline()
        except ConnectionError:
            answer = b""
        if not answer:
            code = await self._process.wait()
            raise RecognitionError(f"the recogniser's process ended (exit code {code})")
        words: str = json.loads(answer)
        return words

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()  # closes the pipes as well


def _join(*texts: str) -> str:
    return " ".join(filter(None, texts))
