"""Piper's neural voices, in process: phonemes of espeak-ng and a VITS network in ONNX."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import onnxruntime
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avatar_server.conversation.clauses import clauses
from avatar_server.conversation.engines import EngineUnavailableError
from avatar_server.conversation.pacing import spread_words
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError
from motion.layout import FloatArray
from motion.speech.espeak import EspeakError, engine

# Full stops and commas inside numbers are left for espeak-ng to read.
_PUNCTUATION: Final = re.compile(r"([.,:;!?…]+)(?=\s|$)|([。，、！？：；])")
_PLAIN: Final = str.maketrans("…。，、！？：；", "..,,!?:;")
_PAD, _BEGIN, _END = "_", "^", "$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Audio(_Part):
    sample_rate: Annotated[int, Field(ge=8_000, le=192_000)]


class _Espeak(_Part):
    voice: str


class _Inference(_Part):
    noise_scale: float = 0.667
    length_scale: float = 1.0
    noise_w: float = 0.8


class _VoiceFile(_Part):
    """The fields of a voice's ``.onnx.json`` that are used here."""

    audio: _Audio
    espeak: _Espeak
    phoneme_id_map: Mapping[str, tuple[int, ...]]
    inference: _Inference = _Inference()
    num_speakers: int = 1
    phoneme_type: Literal["espeak"] = "espeak"


class _Voice:
    def __init__(self, path: Path) -> None:
        config = path.with_name(path.name + ".json")
        try:
            self.file = _VoiceFile.model_validate(json.loads(config.read_text(encoding="utf-8")))
            options = onnxruntime.SessionOptions()
            options.inter_op_num_threads = 1
            self._network = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except (OSError, ValueError, ValidationError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise EngineUnavailableError(f"the Piper voice {path} is broken: {reason}") from error
        self.name = path.stem

    def speak(self, text: str, speed: float) -> FloatArray:
        """The sound of ``text`` [n]; nothing for text without a sound."""
        ids = self._ids(text)
        if not ids:
            return np.empty(0, np.float32)
        settings = self.file.inference
        scales = [settings.noise_scale, settings.length_scale / speed, settings.noise_w]
        inputs = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if self.file.num_speakers > 1:
            inputs["sid"] = np.array([0], np.int64)
        sound: FloatArray = self._network.run(None, inputs)[0].reshape(-1)
        return np.clip(sound, -1, 1)

    def _ids(self, text: str) -> list[int]:
        known = self.file.phoneme_id_map
        phonemes = [p for p in self._phonemes(text) if p in known]
        if all(p.isspace() or unicodedata.category(p).startswith("P") for p in phonemes):
            return []
        pad = known.get(_PAD, ())
        ids = [*known.get(_BEGIN, ()), *pad]
        for phoneme in phonemes:
            ids += [*known[phoneme], *pad]
        return [*ids, *known.get(_END, ())]

    def _phonemes(self, text: str) -> str:
        """IPA with the punctuation of the text, which determines the intonation."""
        parts = []
        start = 0
        for mark in _PUNCTUATION.finditer(text):
            said = engine().pronounce(text[start : mark.start()], self.file.espeak.voice)
            parts.append(said + mark.group()[0].translate(_PLAIN))
            start = mark.end()
        parts.append(engine().pronounce(text[start:], self.file.espeak.voice))
        return unicodedata.normalize("NFD", " ".join(filter(None, parts)))


class PiperTextToSpeech:
    """Speaks with the voices (``.onnx`` with its ``.onnx.json``) that lie in ``folder``.

    Sound comes clause by clause; word times are estimated. ``speed`` 2 is twice as fast.
    """

    def __init__(
        self, folder: Path | None = None, speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    ) -> None:
        paths = sorted(folder.glob("*.onnx")) if folder is not None else []
        if not paths:
            raise EngineUnavailableError(
                f"there is no Piper voice in {folder}; download a voice such as "
                "en_US-lessac-medium.onnx and its .onnx.json from huggingface.co/rhasspy/"
                "piper-voices into a folder and name it with the option 'folder'"
            )
        self._voices = {voice.name: voice for voice in map(_Voice, paths)}
        self._speed = speed
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="piper")

    def voices(self) -> tuple[str, ...]:
        return tuple(self._voices)

    async def synthesize(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        """Speak ``text`` with a voice of that name, or else the first one of that language."""
        found = self._find(voice)
        loop = asyncio.get_running_loop()
        samples = 0
        for index, clause in clauses(text):
            try:
                pcm = await loop.run_in_executor(self._worker, found.speak, clause, self._speed)
            except (EspeakError, RuntimeError) as error:
                raise SpeechSynthesisError(f"Piper could not speak: {error}") from error
            if len(pcm):
                words = spread_words(clause, index, samples, len(pcm))
                yield SpeechChunk(pcm, found.file.audio.sample_rate, words)
                samples += len(pcm)

    async def aclose(self) -> None:
        """Let the current call end and free the worker thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _find(self, name: str) -> _Voice:
        if name in self._voices:
            return self._voices[name]
        language = name.partition("+")[0].lower()
        for voice in self._voices.values():
            spoken = voice.file.espeak.voice.lower()
            if language in (spoken, spoken.split("-")[0]):
                return voice
        choices = ", ".join(self._voices)
        raise SpeechSynthesisError(f"there is no Piper voice {name!r}; choose from: {choices}")
