"""Waiting in line at a full server, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from client.http import ConnectError
from client.peer import Peer
from tests.live import live_server
from tests.until import until_answer
from tests.webrtc_browser import WAIT, Browser, browser, running

__all__ = ["browser"]


async def test_the_refusal_has_a_place_and_the_place_becomes_a_session(
    browser: Callable[..., Browser],
) -> None:
    async with running(max_sessions=1) as (_, http):
        pc_id = await browser().connect(http)
        second = browser()
        body = {"sdp": await second.offer(), "type": "offer"}
        refused = await http.post("/api/offer", json=body)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        queue = refused.json()["queue"]
        assert (queue["place"], queue["ready"]) == (1, False)
        path = f"/api/queue/{queue['ticket']}"
        assert (await http.get(path)).json() == queue
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["waiting"]) == (503, 1)

        assert (await http.delete(f"/api/offer/{pc_id}")).status_code == 204
        await until_answer(http, path, lambda place: place["ready"])
        late = await http.post("/v1/whep", content=body["sdp"], headers={"content-type": SDP})
        assert (late.status_code, late.json()["queue"]["place"]) == (503, 2), "no jumping the queue"
        answer = await http.post("/api/offer", json={**body, "ticket": queue["ticket"]})
        assert answer.status_code == 200
        await second.accept(answer.json()["sdp"])
        assert await second.event()
        assert (await http.get(path)).status_code == 404


SDP = "application/sdp"


async def test_a_stream_tells_every_change_and_ends_with_the_ticket() -> None:
    with live_server(max_sessions=1) as url:
        async with Peer.connect(url) as peer, httpx.AsyncClient(base_url=url, timeout=WAIT) as http:
            offer = {"sdp": SMALL, "type": "offer"}
            first, second = [
                (await http.post("/api/offer", json=offer)).json()["queue"]["ticket"]
                for _ in range(2)
            ]
            assert (await http.get(f"/api/queue/{first}")).json()["place"] == 1
            told = []
            path = f"/api/queue/{second}"
            async with http.stream("GET", path, headers={"Accept": "text/event-stream"}) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                async for line in stream.aiter_lines():
                    if not line.startswith("data:"):
                        continue
                    told.append(json.loads(line[5:]))
                    if len(told) == 1:
                        await http.delete(f"/api/queue/{first}")
                    elif len(told) == 2:
                        await http.delete(f"/api/offer/{peer.pc_id}")
                    elif len(told) == 3:
                        await http.delete(path)
            assert told == [
                {"ticket": second, "place": 2, "ready": False},
                {"ticket": second, "place": 1, "ready": False},
                {"ticket": second, "place": 1, "ready": True},
                {"ticket": second},
            ]


SMALL = "v=0\r\nthe place comes before the offer is read"


async def test_the_headless_client_waits_for_its_turn() -> None:
    with live_server(max_sessions=1) as url:
        async with Peer.connect(url) as first, asyncio.TaskGroup() as group:

            async def come_later() -> float:
                async with Peer.connect(url, wait=WAIT) as second:
                    return second.waited

            waiting = group.create_task(come_later())
            async with httpx.AsyncClient(base_url=url) as http:
                await until_answer(http, "/api/status", lambda status: status["waiting"] == 1)
                with pytest.raises(ConnectError, match="all 1 sessions"):
                    async with Peer.connect(url, wait=0.2):
                        pass
                assert (await http.get("/api/status")).json()["waiting"] == 1, (
                    "it gave its place up"
                )
            await first.drop()
            async with httpx.AsyncClient(base_url=url) as http:
                await http.delete(f"/api/offer/{first.pc_id}")
        assert 0 < waiting.result() < WAIT
