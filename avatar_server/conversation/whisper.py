"""Whisper by faster-whisper: the sound of a turn is decoded again as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from avatar_server.conversation.asr import RecognitionError
from avatar_server.conversation.engines import EngineUnavailableError
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray

_LONG: Final = 25 * SPEECH_RATE
"""Samples beyond which older sentences of a turn become final: Whisper's window is 30 s."""


@dataclass(frozen=True, slots=True)
class _Segment:
    start: float
    """Seconds from the start of the sound."""
    text: str


@dataclass(frozen=True, slots=True)
class _Decoded:
    samples: int
    segments: tuple[_Segment, ...]


class WhisperRecogniser:
    """One model for all sessions; its decoding leaves the event loop free.

    ``model`` is a folder with a CTranslate2 model or a name such as "base" or "small.en", looked
    up in the local cache first and then downloaded. ``interval`` is how many seconds of new
    speech bring a new partial transcript.
    """

    def __init__(
        self,
        model: str = "base",
        device: str = "auto",
        compute_type: str = "default",
        threads: Annotated[int, Field(ge=0, le=64)] = 0,
        workers: Annotated[int, Field(ge=1, le=16)] = 1,
        beam_size: Annotated[int, Field(ge=1, le=10)] = 1,
        interval: Annotated[float, Field(gt=0, le=10)] = 0.5,
        max_tokens: Annotated[int, Field(ge=1, le=224)] = 160,
    ) -> None:
        self._model = _load(model, device, compute_type, threads, workers)
        self._beam_size = beam_size
        self._max_tokens = max_tokens
        self._interval = round(interval * SPEECH_RATE)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="whisper")
        self._open: set[WhisperRecognition] = set()

    def open(self, language: str, on_partial: Callable[[str], None]) -> WhisperRecognition:
        code = None if language == "auto" else language.split("-")[0].lower()
        known = self._model.supported_languages
        if code is not None and code not in known:
            raise RecognitionError(
                f"this Whisper model does not know the language {language!r}; "
                f"choose from: {', '.join(sorted(known))}"
            )
        recognition = WhisperRecognition(self, code, on_partial, self._interval)
        self._open.add(recognition)
        return recognition

    async def warm_up(self) -> None:
        recognition = self.open("auto", lambda _: None)
        recognition.feed(np.zeros(SPEECH_RATE, np.float32))
        await recognition.transcript()
        recognition.close()

    async def aclose(self) -> None:
        for recognition in tuple(self._open):
            recognition.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def forget(self, recognition: WhisperRecognition) -> None:
        self._open.discard(recognition)

    async def decode(
        self, sound: Callable[[], FloatArray], language: str | None, stale: Callable[[], bool]
    ) -> _Decoded | None:
        """Decode ``sound()``, called when the work starts; None if ``stale()`` meanwhile."""

        def work() -> _Decoded | None:
            if stale():
                return None
            speech = sound()
            segments, _ = self._model.transcribe(
                speech,
                language=language,
                beam_size=self._beam_size,
                temperature=0.0,
                condition_on_previous_text=False,
                max_new_tokens=self._max_tokens,
            )
            found = []
            for segment in segments:  # decoded as the loop goes on
                if stale():
                    return None
                found.append(_Segment(segment.start, segment.text))
            return _Decoded(len(speech), tuple(found))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except (RuntimeError, ValueError) as error:
            raise RecognitionError(f"Whisper failed: {error}") from error


class WhisperRecognition:
    """One turn. At most one decoding runs; sound fed meanwhile is part of the next."""

    def __init__(
        self,
        engine: WhisperRecogniser,
        language: str | None,
        on_partial: Callable[[str], None],
        interval: int,
    ) -> None:
        self._engine = engine
        self._language = language
        self._on_partial = on_partial
        self._interval = interval
        self._chunks: list[FloatArray] = []
        self._fed = 0
        """Samples in the chunks."""
        self._settled = ""
        """Text of sound that has been dropped from the chunks."""
        self._decoded = 0
        """Samples that the last decoding covered."""
        self._text = ""
        self._round = 0
        """Raised to make a decoding stale."""
        self._partial: asyncio.Task[None] | None = None
        self._closed = False

    def feed(self, speech: FloatArray) -> None:
        if self._closed:
            return
        self._chunks.append(speech)
        self._fed += len(speech)
        if self._partial is None and self._fed - self._decoded >= self._interval:
            self._partial = asyncio.create_task(self._update(), name="partial transcript")

    async def transcript(self) -> str:
        if self._partial is not None:
            self._partial.cancel()
        if self._fed > self._decoded:
            await self._decode()
        return self._text

    def close(self) -> None:
        self._closed = True
        self._round += 1
        if self._partial is not None:
            self._partial.cancel()
        self._engine.forget(self)

    async def _update(self) -> None:
        before = self._text
        try:
            await self._decode()
        except RecognitionError:
            # transcript() will fail as well and report it.
            return
        finally:
            self._partial = None
        if self._text != before:
            self._on_partial(self._text)

    async def _decode(self) -> None:
        self._round += 1
        current = self._round
        try:
            decoded = await self._engine.decode(
                lambda: np.concatenate(self._chunks), self._language, lambda: self._round != current
            )
        except asyncio.CancelledError:
            if self._round == current:
                self._round += 1
            raise
        if decoded is None or self._round != current:
            return
        self._decoded = decoded.samples
        self._text = _join(self._settled, *(segment.text for segment in decoded.segments))
        if decoded.samples > _LONG:
            self._let_go(decoded)

    def _let_go(self, decoded: _Decoded) -> None:
        """Settle all sentences but the last, whose end may still change."""
        settled, cut = decoded.segments, decoded.samples
        if len(settled) > 1:
            cut = min(round(settled[-1].start * SPEECH_RATE), cut)
            settled = settled[:-1]
        self._settled = _join(self._settled, *(segment.text for segment in settled))
        rest = np.concatenate(self._chunks)[cut:]
        self._chunks = [rest]
        self._fed = len(rest)
        self._decoded = decoded.samples - cut


def _join(*texts: str) -> str:
    return " ".join(filter(None, (text.strip() for text in texts)))


def _load(model: str, device: str, compute_type: str, threads: int, workers: int) -> Any:
    # Slow to import, and needed only where Whisper is the recogniser.
    from faster_whisper import WhisperModel

    options = {
        "device": device,
        "compute_type": compute_type,
        "cpu_threads": threads,
        "num_workers": workers,
    }
    try:
        if Path(model).is_dir():
            return WhisperModel(model, **options)
        try:
            return WhisperModel(model, local_files_only=True, **options)
        except FileNotFoundError:
            return WhisperModel(model, **options)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise EngineUnavailableError(
            f"the Whisper model {model!r} cannot be loaded ({reason}). Give the name of a model "
            "that can be downloaded, or bring one: fetch Systran/faster-whisper-base from "
            "huggingface.co where it can be reached, copy the folder to this machine and set "
            "the option 'model' to its path"
        ) from error
