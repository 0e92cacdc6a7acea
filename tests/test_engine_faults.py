"""Endpoints that stall, break off or refuse: the user is told, and the session lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from avatar_server.conversation.openai_chat import OpenAiChat
from avatar_server.conversation.openai_speech import OpenAiSpeech
from avatar_server.talk import Engines, Talking
from client.peer import Peer
from streaming.protocol import Caption, Chat, ConversationState, Converse, ErrorEvent, Speaking
from tests.fakes import LoudnessVad, ScriptedRecogniser, scripted_talking
from tests.http_endpoint import Request, finish, send, serving, start
from tests.live import live_server
from tests.test_openai_chat import delta

FAULTS = {"stalls": "silent for", "breaks": "broke off", "refuses": "500"}


async def misbehave(fault: str, writer: asyncio.StreamWriter, beginning: bytes, kind: str) -> None:
    """Begin an answer, and then do what ``fault`` says."""
    if fault == "refuses":
        await start(writer, "500 Internal Server Error")
        await finish(writer)
        writer.close()  # the stand-in answers once per connection
        return
    await start(writer, kind=kind)
    await send(writer, beginning)
    if fault == "breaks":
        writer.close()
    else:
        await asyncio.Event().wait()


@asynccontextmanager
async def talking_through(url: str, fault: str) -> AsyncGenerator[Peer]:
    """A conversation whose first turn meets ``fault``; afterwards it listens, after the second
    it has answered."""
    async with Peer.connect(url) as peer:
        peer.send(Converse())
        peer.send(Chat(text="one"))
        at, error = await peer.event(ErrorEvent)
        assert FAULTS[fault] in error.message
        assert not error.fatal
        await peer.event(ConversationState, lambda e: e.state == "listening", after=at)
        yield peer
        peer.send(Chat(text="two"))
        await peer.event(Speaking, lambda e: not e.on and e.reason == "finished", after=at)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_chat_endpoint_that_fails_once(fault: str) -> None:
    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.body["messages"][-1]["content"].endswith("one"):
            await misbehave(fault, writer, delta("Well, "), "text/event-stream")
            return
        await start(writer)
        await send(writer, delta("Here I am again.", "stop") + b"data: [DONE]\n\n")
        await finish(writer)

    async with serving(reply) as endpoint:
        chat = OpenAiChat(endpoint.url, "tiny", stall=0.3)
        personas = scripted_talking().personas
        talking = Talking(personas, lambda: Engines(LoudnessVad(), ScriptedRecogniser(), chat))
        with live_server(talking) as url:
            async with talking_through(url, fault) as peer:
                pass
            assert any(
                isinstance(heard.event, Caption) and heard.event.text == "Here I am again."
                for heard in peer.events
            )


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_speech_endpoint_that_fails_once(fault: str) -> None:
    sound = (np.full(4_800, 0.3) * 32_767).astype("<i2").tobytes()

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        if "one" in request.body["input"]:
            await misbehave(fault, writer, sound, "audio/pcm")
            return
        await start(writer, kind="audio/pcm")
        await send(writer, sound)
        await finish(writer)

    async with serving(reply) as endpoint:
        with live_server(speech=OpenAiSpeech(endpoint.url, stall=0.3)) as url:
            async with talking_through(url, fault):
                pass
