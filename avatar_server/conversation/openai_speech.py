"""Text-to-speech by any endpoint with OpenAI's audio API, streamed as raw samples."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from avatar_server.conversation.openai_http import Endpoint, EndpointError
from avatar_server.conversation.pacing import with_words
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError
from streaming.resample import to_float

_BLOCK: Final = 4_096
"""Bytes that a chunk has at most."""

_FORMATS: Final = {
    b"RIFF": "a WAV file",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
}
"""Magic numbers of files that some servers send instead of the requested raw samples."""


class OpenAiSpeech:
    """Speaks with ``model`` at ``url``, the address up to and including ``/v1``.

    The endpoint must send mono s16le at ``rate`` Hz for the format "pcm"; one that sends a WAV
    file or compressed sound instead is refused. Word times are estimated.
    """

    def __init__(
        self,
        url: str = "",
        model: str = "tts-1",
        api_key: str = "",
        voices: tuple[str, ...] = ("alloy",),
        rate: Annotated[int, Field(ge=8_000, le=192_000)] = 24_000,
        stall: Annotated[float, Field(gt=0, le=300)] = 10.0,
    ) -> None:
        self._endpoint = Endpoint(url, api_key, stall)
        self._model = model
        self._voices = voices
        self._rate = rate

    def voices(self) -> tuple[str, ...]:
        """The voices that were named in the options; the endpoint may have more."""
        return self._voices

    async def synthesize(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        """Speak ``text`` as the endpoint sends it; blank text yields nothing."""
        if text.strip():
            async with aclosing(self._sound(text, voice)) as sound:
                async for chunk in with_words(text, sound):
                    yield chunk

    async def aclose(self) -> None:
        """Free connections."""
        await self._endpoint.aclose()

    async def _sound(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        body = {
            "model": self._model,
            "input": text,
            "voice": voice,
            "response_format": "pcm",
        }
        try:
            async with self._endpoint.post("audio/speech", body) as response:
                rest = b""
                first = True
                async for data in response.aiter_bytes(_BLOCK):
                    if first:
                        _refuse_other_formats(response.headers.get("content-type", ""), data)
                        first = False
                    data = rest + data
                    whole = len(data) - len(data) % 2
                    rest = data[whole:]
                    if whole:
                        yield SpeechChunk(to_float(np.frombuffer(data[:whole], "<i2")), self._rate)
                if first:
                    raise EndpointError(f"the speech endpoint sent no sound for {text[:40]!r}")
        except EndpointError as error:
            raise SpeechSynthesisError(str(error)) from error


def _refuse_other_formats(kind: str, start: bytes) -> None:
    form = next((name for magic, name in _FORMATS.items() if start.startswith(magic)), None)
    if form is None and kind.startswith(("text/", "application/json")):
        form = kind
    if form is not None:
        raise EndpointError(
            f"the speech endpoint sent {form} although raw samples (response_format pcm) were "
            "asked for; use one that has this format"
        )
