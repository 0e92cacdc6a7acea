"""How long sessions live: the rules on a clock of their own, then sessions with real peers."""

from __future__ import annotations

import asyncio
import json

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from avatar_server.lifetime import Ended, Lifetime, LifetimePolicy
from client.peer import Peer
from streaming.protocol import (
    Caption,
    Chat,
    ConversationState,
    Converse,
    ErrorEvent,
    SessionWarning,
    Speaking,
    Stay,
)
from tests.fakes import scripted_talking
from tests.live import live_server
from tests.until import until_gone


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def lifetime(**policy: float) -> tuple[Lifetime, Clock]:
    clock = Clock()
    return Lifetime(LifetimePolicy(**policy), clock), clock


def test_silence_is_warned_of_and_ends_the_session() -> None:
    life, clock = lifetime(idle=60, warning=20)
    assert life.deadline == 140
    clock.now = 139
    assert life.tick() == []
    clock.now = 140
    (warning,) = life.tick()
    assert isinstance(warning, SessionWarning)
    assert (warning.reason, warning.seconds) == ("idle", 20)
    assert "20 s" in warning.message
    assert life.tick() == [], "it is said once"
    assert life.deadline == 160
    clock.now = 160
    (ended,) = life.tick()
    assert isinstance(ended, Ended)
    assert "60 seconds" in ended.reason


def test_whoever_does_something_takes_the_warning_back() -> None:
    life, clock = lifetime(idle=60, warning=20)
    clock.now = 150
    assert len(life.tick()) == 1
    life.act()
    (withdrawn,) = life.tick()
    assert isinstance(withdrawn, SessionWarning)
    assert withdrawn.seconds is None
    assert life.deadline == 190
    clock.now = 190
    assert len(life.tick()) == 1, "the next silence is warned of again"


def test_nothing_prolongs_the_longest_time() -> None:
    life, clock = lifetime(maximum=600, warning=30)
    for minute in range(9):
        clock.now = 100 + 60 * minute
        life.act()
        assert life.tick() == []
    clock.now = 670
    assert [type(event) for event in life.tick()] == [SessionWarning]
    life.act()
    assert life.tick() == []
    clock.now = 700
    assert life.tick() == [Ended("a session lasts 10 minutes at most; connect again to go on")]


def test_a_lost_client_has_its_time_to_come_back() -> None:
    life, clock = lifetime(alone=15)
    assert life.deadline is None
    life.leave("the connection was lost")
    assert life.deadline == 115
    clock.now = 114
    assert life.tick() == []
    life.join()
    clock.now = 200
    assert life.tick() == []
    life.leave("the client left")
    clock.now = 215
    assert life.tick() == [Ended("the client left")]


@given(
    st.lists(st.tuples(st.sampled_from(["act", "leave", "join", "wait"]), st.floats(0, 40))),
    st.floats(1, 200),
)
def test_every_end_but_that_of_a_lost_client_is_warned_of(
    deeds: list[tuple[str, float]], warning: float
) -> None:
    life, clock = lifetime(idle=60, maximum=300, alone=15, warning=warning)
    warned: set[str] = set()
    ended = False
    for deed, seconds in deeds:
        until = clock.now + seconds
        while life.deadline is not None and life.deadline <= until and not ended:
            clock.now = max(clock.now, life.deadline)
            for event in life.tick():
                if isinstance(event, SessionWarning):
                    (warned.add if event.seconds is not None else warned.discard)(event.reason)
                else:
                    ended = True
                    assert warned or event.reason == "lost"
        if ended:
            return
        clock.now = until
        match deed:
            case "act":
                life.act()
            case "join":
                life.join()
            case "leave":
                life.leave("lost")
        for event in life.tick():
            if isinstance(event, SessionWarning) and event.seconds is None:
                warned.discard(event.reason)


# --- real peers -------------------------------------------------------------------------------


async def test_a_lost_client_finds_its_conversation_again() -> None:
    talking = scripted_talking(greeting="Welcome.")
    with live_server(talking, resume_seconds=60) as url:
        async with Peer.connect(url) as first:
            first.send(Converse())
            await first.event(Caption, lambda e: e.final and e.text == "Welcome.")
            first.send(Chat(text="one"))
            await first.event(Caption, lambda e: e.final and e.text == "You said: one.")
            await first.event(Speaking, lambda e: not e.on)
            await first.drop()
            async with Peer.connect(url, resume=first.pc_id) as second:
                assert second.ready.session == first.ready.session
                await second.event(ConversationState, lambda e: e.state == "listening")
                second.send(Chat(text="two"))
                await second.event(Caption, lambda e: e.final and e.text == "You said: two.")
                texts = [h.event.text for h in second.events if isinstance(h.event, Caption)]
                assert not any("Welcome" in text for text in texts), "it greets once"
        await until_gone(url)
    dialogue = talking.engines.dialogue
    said = [turn.text for turn in dialogue.asked[-1]]  # type: ignore[attr-defined]
    assert said == ["Welcome.", "one", "You said: one.", "two"]


async def test_a_client_that_stays_away_finds_a_new_session() -> None:
    with live_server(resume_seconds=0.2) as url:
        async with Peer.connect(url) as first:
            await first.drop()
            await until_gone(url)
            async with Peer.connect(url, resume=first.pc_id) as second:
                assert second.ready.session != first.ready.session
                assert second.pc_id != first.pc_id


async def test_an_idle_session_warns_and_ends() -> None:
    with live_server(idle_minutes=3 / 60, warning_seconds=1) as url:
        async with Peer.connect(url) as peer:
            at, warning = await peer.event(SessionWarning)
            assert warning.reason == "idle"
            assert warning.seconds == pytest.approx(1, abs=0.3)
            peer.send(Stay())
            await peer.event(SessionWarning, lambda e: e.seconds is None, after=at)
            again, _ = await peer.event(
                SessionWarning, lambda e: e.seconds is not None, after=at + 0.1
            )
            assert again - at > 1.5
            over, error = await peer.event(ErrorEvent)
            assert (error.code, error.fatal) == ("session_expired", True)
            assert over - again == pytest.approx(1, abs=0.5)
            await peer.disconnected()
        await until_gone(url)


@pytest.mark.parametrize("more", ["nothing", "text behind it", "silence"])
async def test_an_utterance_that_is_never_ended_is_not_speaking_for_ever(more: str) -> None:
    with live_server(idle_minutes=1 / 60) as url:
        async with connect(url.replace("http", "ws") + "/v1/speech") as socket:
            await socket.send('{"type": "start", "rate": 16000}')
            session = json.loads(await socket.recv())["session"]
            await socket.send('{"type": "speak"}')
            await socket.send(np.full(8_000, 9_000, "<i2").tobytes())
            if more == "text behind it":
                async with httpx.AsyncClient(base_url=url) as http:
                    await asyncio.sleep(0.1)
                    say = {"type": "say", "text": "one two"}
                    said = await http.post(f"/v1/sessions/{session}/events", json=say)
                    assert said.status_code == 202
            elif more == "silence":
                await socket.send(bytes(2 * 16_000 * 30))
            async with asyncio.timeout(10):
                await socket.wait_closed()
        assert (socket.close_code, "nobody" in str(socket.close_reason)) == (1001, True)


async def test_speaking_is_not_idling() -> None:
    with live_server(idle_minutes=1 / 60, warning_seconds=0.2) as url:
        async with Peer.connect(url) as peer:
            spoken = peer.say("one two three four five six seven eight nine ten")
            done, _ = await peer.spoken(spoken)
            warned, _ = await peer.event(SessionWarning)
            assert warned > done
