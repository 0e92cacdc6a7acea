"""What clients ask of a session over the data channel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from avatar_server.commands import Commands
from avatar_server.conversation.tts import SpeechChunk
from avatar_server.session import Session
from client.peer import Peer
from streaming.protocol import ErrorEvent, Pong, Ready, Show, Speaking
from tests.fakes import ToneSpeech, scripted_talking
from tests.live import live_server
from tests.until import until
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


async def test_of_many_faces_in_a_row_only_those_that_are_needed_are_prepared() -> None:
    prepared: list[str] = []
    shown: list[str] = []
    go_on = threading.Event()

    def slowly(name: str, size: int) -> SimpleNamespace:
        prepared.append(name)
        go_on.wait(WAIT)
        return SimpleNamespace(name=name, size=size)

    session = SimpleNamespace(
        avatar=SimpleNamespace(name="flat", size=512),
        may_show=lambda name: True,
        show=lambda avatar: shown.append(avatar.name),
        parts=SimpleNamespace(animation=SimpleNamespace(models=SimpleNamespace(avatar=slowly))),
    )
    commands = Commands(cast(Session, session))
    asked = [asyncio.create_task(commands.do(Show(avatar=name))) for name in "abcd"]
    await until(lambda: prepared)
    go_on.set()
    await asyncio.wait_for(asyncio.gather(*asked), WAIT)
    assert prepared == ["a", "d"]
    assert shown == ["d"]


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
        error = await viewer.until(ErrorEvent)
        assert "choose another" in error.message
        viewer.send(type="say", text="fine", utterance="z")
        await viewer.until(Speaking, utterance="z", on=False)
