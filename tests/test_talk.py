"""A conversation inside a session: a real peer with a microphone, scripted engines."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest

from avatar_server.conversation.engines import EngineUnavailableError
from avatar_server.talk import MUTE_SECONDS, Engines, EnginesLoadingError, Talk, Talking
from avatar_server.voice import Voice
from client.peer import Peer
from streaming.playout import Pacing
from streaming.protocol import (
    Caption,
    Chat,
    ConversationState,
    Converse,
    ErrorEvent,
    ServerEvent,
    Transcript,
)
from tests.fakes import ScriptedRecogniser, ToneSpeech, scripted_talking
from tests.live import live_server
from tests.room import NoPictures
from tests.until import until, until_answer


@asynccontextmanager
async def conversing() -> AsyncGenerator[Peer]:
    with live_server() as url:
        async with Peer.connect(url) as peer:
            peer.send(Converse())
            yield peer


async def test_a_written_turn_is_answered() -> None:
    async with conversing() as peer:
        peer.send(Chat(text="hello"))
        await peer.event(Transcript, lambda e: e.final and e.text == "hello")
        await peer.event(Caption, lambda e: e.final and e.text == "You said: hello.")
        await peer.event(ConversationState, lambda e: e.state == "thinking")
        await peer.event(ConversationState, lambda e: e.state == "speaking")


def test_a_server_that_is_told_to_stop_does_not_wait_for_engines_that_load() -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load() -> Engines:
        loading.set()
        go_on.wait(60)
        raise AssertionError("nobody waits for it any more")

    async def start_and_stop() -> None:
        preparing = asyncio.create_task(Talking(scripted_talking().personas, load).prepare())
        await until(loading.is_set)
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)

    began = time.monotonic()
    asyncio.run(start_and_stop())
    assert time.monotonic() - began < 30
    go_on.set()


async def test_engines_that_fail_in_any_way_keep_nobody_waiting() -> None:
    def load() -> Engines:
        raise OSError("no space left")

    talking = Talking(scripted_talking().personas, load)
    await talking.prepare()
    await asyncio.wait_for(talking.settled(), 1)
    with pytest.raises(EngineUnavailableError, match="see the server's log") as caught:
        assert talking.engines
    assert not isinstance(caught.value, EnginesLoadingError)


async def test_the_microphone_is_listened_to() -> None:
    async with conversing() as peer:
        peer.send(Chat(text="a b c d e f g h i j k l m n o p q r s t"))
        await peer.event(ConversationState, lambda e: e.state == "speaking")
        rng = np.random.default_rng(0)
        loud = rng.uniform(-0.5, 0.5, 48_000 * 2).astype(np.float32)
        peer.play(loud, 48_000)
        heard_at, _ = await peer.event(ConversationState, lambda e: e.state == "interrupted")
        cut_at, cut = await peer.event(Caption, lambda e: e.final)
        assert "t" not in cut.text
        assert abs(cut_at - heard_at) < 1.0


async def test_ending_and_beginning_again() -> None:
    async with conversing() as peer:
        peer.send(Converse(on=False))
        ended, _ = await peer.event(ConversationState, lambda e: e.state == "off")
        peer.send(Chat(text="hello"))
        _, error = await peer.event(ErrorEvent, after=ended)
        assert error.code == "no_conversation"
        peer.send(Converse(persona="nobody"))
        _, error = await peer.event(ErrorEvent, lambda e: "nobody" in e.message)
        assert "flat" in error.message, "it names those that exist"
        peer.send(Converse())
        peer.send(Chat(text="again"))
        await peer.event(Caption, lambda e: e.text == "You said: again.")


async def test_a_session_that_converses_ends_cleanly() -> None:
    with live_server() as url:
        async with httpx.AsyncClient(base_url=url) as http:
            before = (await http.get("/api/status")).json()["tasks"]
            async with Peer.connect(url) as peer:
                peer.send(Converse())
                peer.send(Chat(text="hello " * 50))
                await peer.event(ConversationState, lambda e: e.state == "speaking")
            await until_answer(http, "/api/status", lambda status: status["tasks"] <= before)


@pytest.mark.parametrize(
    ("chunks", "seconds"), [([0.02], 0.02), ([1.0], 1.0), ([0.02] * 20, 0.4), ([1.0] * 5, 2.0)]
)
async def test_sound_that_comes_at_once_is_waited_out(chunks: list[float], seconds: float) -> None:
    nothing = NoPictures()
    voice = Voice(ToneSpeech(), nothing, nothing, 2, Pacing(), print)
    talking = scripted_talking()
    await talking.prepare()
    talk = Talk(talking, voice, print, print)
    talk.begin(talking.personas.get())
    loop = asyncio.get_running_loop()
    before = loop.time()
    for chunk in chunks:
        talk.hear(np.full(round(chunk * 48_000), 0.3, np.float32), 48_000)
    assert talk._silence is not None
    silent = talk._silence.when() - MUTE_SECONDS
    assert before + seconds <= silent + 1e-6
    assert silent <= loop.time() + seconds
    talk._silence.cancel()


async def test_a_microphone_that_is_switched_off_ends_the_turn() -> None:
    published: list[ServerEvent] = []
    nothing = NoPictures()
    voice = Voice(ToneSpeech(), nothing, nothing, 2, Pacing(), published.append)
    talking = scripted_talking()
    await talking.prepare()
    recogniser = talking.engines.recogniser
    assert isinstance(recogniser, ScriptedRecogniser)
    recogniser.script.append("that is all")
    attended: list[str] = []
    talk = Talk(talking, voice, published.append, attended.append)
    talk.begin(talking.personas.get())
    running = asyncio.create_task(talk.run())
    for _ in range(30):
        talk.hear(np.full(960, 0.3, np.float32), 48_000)
    assert recogniser.opened, "speech was noticed"
    await until(lambda: any(isinstance(e, Transcript) and e.final for e in published))
    assert attended[:2] == ["listening", "thinking"], "the face follows"
    talk.end()
    assert attended[-1] == "idle"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
