"""The life of a session with real WebRTC peers on loopback: who comes, leaves and stays away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from streaming.peer import IceServers, Peer
from streaming.protocol import Caption, Ready, Speaking
from tests.until import until_answer, until_gone
from tests.webrtc_browser import WAIT, Browser, browser, running, sessions

__all__ = ["browser"]


async def test_connect_speak_and_leave(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        tasks = (await http.get("/api/status")).json()["tasks"]
        viewer = browser()
        pc_id = await viewer.connect(http)
        ready = await viewer.event()
        assert isinstance(ready, Ready)
        assert (ready.avatar, ready.fps, ready.size) == ("flat", 25, 64)
        frame = await viewer.picture()
        assert (frame.width, frame.height) == (64, 64)
        viewer.send(type="say", text="one two three", utterance="u1")
        heard: list[object] = []
        while not (heard and isinstance(heard[-1], Speaking) and not heard[-1].on):
            heard.append(await viewer.event())
        assert heard[0] == Speaking(on=True, utterance="u1")
        assert [e.text for e in heard if isinstance(e, Caption)] == [
            "one",
            "one two",
            "one two three",
            "one two three",
        ]
        assert heard[-1] == Speaking(on=False, utterance="u1", reason="finished", position_ms=600)
        assert (await http.delete(f"/api/offer/{pc_id}")).status_code == 204
        await until_gone(http)
        await viewer.close()
        await until_answer(http, "/api/status", lambda status: status["tasks"] <= tasks)


async def test_a_vanished_peer_ends_its_session(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()
        assert await sessions(http) == 1
        await viewer.close()
        await until_gone(http)


async def test_a_peer_that_never_connects_is_dropped(browser: Callable[..., Browser]) -> None:
    async with running(connect_timeout=0.5) as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        assert (await http.post("/api/offer", json=body)).status_code == 200
        assert await sessions(http) == 1
        await until_gone(http)


async def test_nobody_joins_a_session_that_is_over(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its peers may take seconds to close; who comes then would be connected to nothing."""
    closing, go_on = asyncio.Event(), asyncio.Event()
    release = Peer._release

    async def slow(self: Peer) -> None:
        closing.set()
        await go_on.wait()
        await release(self)

    monkeypatch.setattr(Peer, "_release", slow)
    async with running(max_sessions=2) as (_, http):
        first = browser()
        pc_id = await first.connect(http)
        session = (await first.expect(Ready)).session
        await http.delete(f"/api/offer/{pc_id}")
        await asyncio.wait_for(closing.wait(), WAIT)
        body = {"sdp": await browser().offer(), "type": "offer"}
        joined = await http.post("/api/offer", json={**body, "session": session})
        assert (joined.status_code, joined.json()["error"]) == (404, "unknown_session")
        again = await http.post("/api/offer", json={**body, "pc_id": pc_id})
        assert again.status_code == 200
        assert again.json()["pc_id"] != pc_id
        go_on.set()
        await http.delete(f"/api/offer/{again.json()['pc_id']}")
        await until_gone(http)


async def test_a_session_that_ends_while_an_offer_is_answered_keeps_no_peer(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, go_on = asyncio.Event(), asyncio.Event()
    answer = Peer.answer

    async def slow(self: Peer, offer: str) -> str:
        made = await answer(self, offer)
        answered.set()
        await go_on.wait()
        return made

    async with running() as (_, http):
        first, second = browser(), browser()
        pc_id = await first.connect(http)
        await first.event()
        monkeypatch.setattr(Peer, "answer", slow)
        body = {"sdp": await second.offer(), "type": "offer", "pc_id": pc_id}
        coming = asyncio.create_task(http.post("/api/offer", json=body))
        await asyncio.wait_for(answered.wait(), WAIT)
        await http.delete(f"/api/offer/{pc_id}")
        await until_gone(http)
        go_on.set()
        refused = await coming
        assert (refused.status_code, refused.json()["error"]) == (503, "session_ended")
        assert refused.headers["retry-after"] == "1"


async def test_each_connection_gets_fresh_credentials_for_turn(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page comes back to a session that is older than they live."""
    users: list[str | None] = []
    begin = Peer.__init__

    def note(self: Peer, viewer: Any, link: Any, servers: IceServers, patience: float) -> None:
        users.extend(server.username for server in servers)
        begin(self, viewer, link, (), patience)  # there are none

    monkeypatch.setattr(Peer, "__init__", note)
    flags = {"turn_urls": ("turn:127.0.0.1:9",), "turn_secret": "north"}
    async with running(**flags) as (_, http):
        viewer = browser()
        pc_id = await viewer.connect(http)
        later = time.time() + 7 * 3600
        monkeypatch.setattr("avatar_server.ice.ice_servers.__defaults__", (lambda: later,))
        body = {"sdp": await browser().offer(), "type": "offer", "pc_id": pc_id}
        assert (await http.post("/api/offer", json=body)).json()["pc_id"] == pc_id
    assert [user is not None and float(user) > later for user in users] == [False, True]
