"""What clients ask of a session over the data channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from avatar_server.conversation.tts import SpeechChunk
from client.peer import Peer
from streaming.protocol import ErrorEvent, Pong, Ready, Speaking
from tests.fakes import ToneSpeech, scripted_talking
from tests.live import live_server
from tests.webrtc_browser import WAIT, Browser, browser, running

__all__ = ["browser"]


async def test_another_avatar_without_a_new_connection(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()

        async def hue() -> float:
            frame = await viewer.picture()
            return float(frame.to_ndarray()[64:].mean())

        assert await hue() == pytest.approx(128, abs=8)
        viewer.send(type="show", avatar="red")
        ready = await viewer.event()
        assert isinstance(ready, Ready)
        assert ready.avatar == "red"
        async with asyncio.timeout(WAIT):
            while await hue() < 190:
                pass
        for wrong in ("nobody", "big"):
            viewer.send(type="show", avatar=wrong)
            assert isinstance(await viewer.event(), ErrorEvent)


async def test_who_was_named_speaks_with_one_voice(tmp_path: Path) -> None:
    (tmp_path / "anna.json").write_text('{"name": "anna", "voice": "de"}')
    voices: list[str] = []

    class Heard(ToneSpeech):
        async def synthesize(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
            voices.append(voice)
            async for chunk in super().synthesize(text, voice):
                yield chunk

    with live_server(scripted_talking(folder=tmp_path), Heard()) as url:
        async with Peer.connect(url) as peer:
            await peer.spoken(peer.say("hello"))
            peer.converse(persona="anna")
            await peer.spoken(peer.say("hello"))
        async with Peer.connect(url, persona="anna") as peer:
            await peer.spoken(peer.say("hello"))
    assert voices == ["en-us", "de", "de"]


async def test_bad_events_are_answered_and_change_nothing(
    browser: Callable[..., Browser],
) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()
        assert viewer.channel is not None
        for message in (
            "not json",
            "{}",
            '{"type": "fly"}',
            '{"type": "say"}',
            '{"type": "say", "text": ""}',
            '{"type": "say", "text": "' + "x" * 4_001 + '"}',
            '{"type": "express", "emotion": "grumpy"}',
            '{"type": "express", "emotion": "anger", "intensity": 7}',
            '{"type": "express", "head": -1}',
            '{"type": "express", "guidance": 0.5}',
            '{"type": "express", "seed": 4294967296}',
            b"\xff\xfe",
        ):
            viewer.channel.send(message)
            event = await viewer.event()
            assert isinstance(event, ErrorEvent), message
            assert not event.fatal
        viewer.send(type="ping", id=7)
        assert (await viewer.expect(Pong)).id == 7
        viewer.send(type="say", text="fail")
        event = await viewer.event()
        while not isinstance(event, ErrorEvent):
            event = await viewer.event()
        assert "choose another" in event.message
        viewer.send(type="say", text="fine", utterance="z")
        while not (isinstance(event, Speaking) and event.utterance == "z" and not event.on):
            event = await viewer.event()
