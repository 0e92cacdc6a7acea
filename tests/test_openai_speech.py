"""The speech endpoint: streamed samples, cut anywhere, and what may go wrong."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from avatar_server.conversation.engines import EngineUnavailableError, load_engine
from avatar_server.conversation.openai_speech import OpenAiSpeech
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError
from tests.http_endpoint import (
    HttpEndpoint,
    Reply,
    Request,
    answering,
    finish,
    send,
    serving,
    start,
)

TONE = (8_000 * np.sin(np.arange(24_000) / 20)).astype("<i2")


async def chunks(endpoint: HttpEndpoint, text: str = "Hello.", **options: Any) -> list[SpeechChunk]:
    speech = OpenAiSpeech(endpoint.url, **options)
    try:
        return [chunk async for chunk in speech.synthesize(text, "nova")]
    finally:
        await speech.aclose()


async def test_samples_stream_in_however_they_are_cut() -> None:
    data = TONE.tobytes()
    parts = [data[:1], data[1:4_096], data[4_096:4_099], data[4_099:]]
    async with serving(answering(*parts, kind="audio/pcm")) as endpoint:
        found = await chunks(endpoint, model="kokoro")
    joined = np.concatenate([chunk.pcm for chunk in found])
    np.testing.assert_array_equal(joined, TONE.astype(np.float32) / 32_768)
    assert {chunk.rate for chunk in found} == {24_000}
    assert len(found) >= 12
    [request] = endpoint.requests
    assert request.line.startswith("POST /v1/audio/speech ")
    assert request.body == {
        "model": "kokoro",
        "input": "Hello.",
        "voice": "nova",
        "response_format": "pcm",
    }


async def test_the_first_chunk_comes_before_the_last_is_made() -> None:
    received = asyncio.Event()

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer, kind="audio/pcm")
        await send(writer, TONE[:4_096].tobytes())
        await asyncio.wait_for(received.wait(), 5)
        await send(writer, TONE[4_096:].tobytes())
        await finish(writer)

    async with serving(reply) as endpoint:
        speech = OpenAiSpeech(endpoint.url)
        total = 0
        async for chunk in speech.synthesize("Hello.", "alloy"):
            received.set()
            total += len(chunk.pcm)
        await speech.aclose()
    assert total == len(TONE)


async def test_closing_hangs_up() -> None:
    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer, kind="audio/pcm")
        while True:
            await send(writer, TONE.tobytes())
            await asyncio.sleep(0.01)

    async with serving(reply) as endpoint:
        speech = OpenAiSpeech(endpoint.url)
        async with aclosing(speech.synthesize("Hello.", "alloy")) as stream:
            await anext(stream)
        await asyncio.wait_for(endpoint.requests[0].closed.wait(), 5)
        await speech.aclose()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answering(b'{"error": "no"}', status="401 Unauthorized"), r"401 \(no\).*'api_key'"),
        (answering(b"RIFF....WAVE", kind="audio/pcm"), "a WAV file although raw samples"),
        (answering(b"ID3", kind="audio/mpeg"), "MP3 although"),
        (answering(b'{"url": "..."}', kind="application/json"), "application/json although"),
        (answering(kind="audio/pcm"), "no sound for 'Hello.'"),
    ],
)
async def test_what_is_not_raw_sound_is_refused(reply: Reply, expected: str) -> None:
    async with serving(reply) as endpoint:
        with pytest.raises(SpeechSynthesisError, match=expected):
            await chunks(endpoint)


async def test_a_stream_that_stalls_or_breaks_is_told() -> None:
    async def stall(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer, kind="audio/pcm")
        await send(writer, TONE.tobytes())
        await asyncio.Event().wait()

    async def die(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer, kind="audio/pcm")
        await send(writer, TONE.tobytes())
        writer.close()

    async with serving(stall) as endpoint:
        with pytest.raises(SpeechSynthesisError, match="silent"):
            await asyncio.wait_for(chunks(endpoint, stall=0.2), 5)
    async with serving(die) as endpoint:
        with pytest.raises(SpeechSynthesisError, match="broke off"):
            await chunks(endpoint)


async def test_blank_text_asks_for_nothing() -> None:
    async with serving(answering(kind="audio/pcm")) as endpoint:
        assert await chunks(endpoint, " \n") == []
    assert endpoint.requests == []


def test_without_an_address_it_is_not_available() -> None:
    with pytest.raises(EngineUnavailableError, match="'url'"):
        load_engine("tts", "openai_speech")
