"""The input audio buffer for clients that commit their turns themselves."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import numpy as np

from avatar_server.conversation.asr import Recognition, RecognitionError, SpeechRecogniser
from avatar_server.realtime.events import RATE, RealtimeError
from motion.contract import SPEECH_RATE
from streaming.resample import FloatArray, Resampler, to_float

MIN_SECONDS: Final = 0.1
"""Least sound that can be committed."""

MAX_SECONDS: Final = 120.0
"""Most sound that one turn may have."""


class SoundReader:
    """Decodes a stream of base64 s16le whose pieces may be cut anywhere."""

    def __init__(self) -> None:
        self._odd = b""

    def read(self, audio: str) -> FloatArray:
        """Mono float32 [n]; raises :class:`RealtimeError` if it is not base64."""
        try:
            data = self._odd + base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RealtimeError(
                "invalid_value", "audio is not base64 of 16-bit PCM", "audio"
            ) from error
        whole = len(data) // 2 * 2
        self._odd = data[whole:]
        return to_float(np.frombuffer(data[:whole], "<i2"))


class SpokenTurn:
    """A turn that is recognised as it arrives; :meth:`transcript` reports any failure."""

    def __init__(self, recogniser: SpeechRecogniser, language: str) -> None:
        self._resampler = Resampler(RATE, SPEECH_RATE)
        self._recognition: Recognition | None = None
        self._failure: RecognitionError | None = None
        self.seconds = 0.0
        try:
            self._recognition = recogniser.open(language, lambda _: None)
        except RecognitionError as error:
            self._failure = error

    def push(self, sound: FloatArray) -> None:
        """Append ``sound [n]``; raises :class:`RealtimeError` when the buffer is full."""
        if self.seconds + len(sound) / RATE > MAX_SECONDS:
            raise RealtimeError(
                "input_audio_buffer_full",
                f"the buffer holds {MAX_SECONDS:g} s; commit or clear it first",
                "audio",
            )
        self.seconds += len(sound) / RATE
        if self._recognition is not None:
            self._recognition.feed(self._resampler.push(sound))

    async def transcript(self) -> str:
        """The text of the turn; raises :class:`RecognitionError`."""
        if self._recognition is None:
            assert self._failure is not None
            raise self._failure
        self._recognition.feed(self._resampler.flush())
        return await self._recognition.transcript()

    def close(self) -> None:
        if self._recognition is not None:
            self._recognition.close()
