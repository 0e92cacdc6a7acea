"""The HTTP API with real WebRTC peers on loopback: connecting, refusing, ending."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from starlette.applications import Starlette

from avatar_server.app import create_app
from avatar_server.settings import Settings
from streaming.peer import Peer
from streaming.protocol import Caption, ErrorEvent, PictureRate, Ready, Speaking, read_server_event
from tests.fakes import ToneSpeech, flat_models, scripted_talking

WAIT = 20.0


@asynccontextmanager
async def running(**flags: object) -> AsyncGenerator[tuple[Starlette, httpx.AsyncClient]]:
    """A server that waits for no lost client, unless told to."""
    settings = Settings(avatar="flat", **{"resume_seconds": 0, **flags})  # type: ignore[arg-type]
    app = create_app(settings, flat_models(), ToneSpeech(), scripted_talking())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        yield app, http


class Browser:
    """What a page does: one audio section, one video section, one data channel."""

    def __init__(
        self,
        *,
        channel: bool = True,
        media: bool = True,
        ice_servers: Sequence[dict[str, str]] = (),
        keeps_rates: bool = False,
    ) -> None:
        """Unless it ``keeps_rates``, a busy machine does not show in its events."""
        servers = [RTCIceServer(**server) for server in ice_servers]
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self.events: asyncio.Queue[object] = asyncio.Queue()
        self._keeps_rates = keeps_rates
        if media:
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
        self.channel = self.connection.createDataChannel("avatar") if channel else None
        if self.channel:
            self.channel.on("message", self._receive)
        self.tracks = {}
        self.connection.on("track", lambda track: self.tracks.__setitem__(track.kind, track))

    def _receive(self, message: str) -> None:
        event = read_server_event(message)
        if self._keeps_rates or not isinstance(event, PictureRate):
            self.events.put_nowait(event)

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def connect(self, http: httpx.AsyncClient, **extra: object) -> str:
        body = {"sdp": await self.offer(), "type": "offer", **extra}
        response = await http.post("/api/offer", json=body)
        assert response.status_code == 200, response.text
        await self.accept(response.json()["sdp"])
        return response.json()["pc_id"]

    async def event(self) -> object:
        return await asyncio.wait_for(self.events.get(), WAIT)

    def send(self, **event: object) -> None:
        assert self.channel is not None
        self.channel.send(json.dumps(event))

    async def close(self) -> None:
        await self.connection.close()


@pytest.fixture
async def browser() -> AsyncGenerator[Callable[..., Browser]]:
    opened: list[Browser] = []

    def make(**options: Any) -> Browser:
        opened.append(Browser(**options))
        return opened[-1]

    yield make
    for one in opened:
        await one.close()


async def sessions(http: httpx.AsyncClient) -> int:
    return (await http.get("/api/status")).json()["sessions"]


async def until_gone(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(WAIT):
        while await sessions(http):
            await asyncio.sleep(0.05)


async def test_connect_speak_and_leave(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        tasks = (await http.get("/api/status")).json()["tasks"]
        viewer = browser()
        pc_id = await viewer.connect(http)
        ready = await viewer.event()
        assert isinstance(ready, Ready)
        assert (ready.avatar, ready.fps, ready.size) == ("flat", 25, 64)
        frame = await asyncio.wait_for(viewer.tracks["video"].recv(), WAIT)
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
        async with asyncio.timeout(WAIT):
            while (await http.get("/api/status")).json()["tasks"] > tasks:
                await asyncio.sleep(0.05)


async def test_a_client_chooses_the_size_of_its_pictures() -> None:
    async with running() as (_, http):
        viewer = Browser()
        await viewer.connect(http, size=256)
        ready = await viewer.event()
        assert isinstance(ready, Ready)
        assert ready.size == 256
        frame = await asyncio.wait_for(viewer.tracks["video"].recv(), WAIT)
        assert (frame.width, frame.height) == (256, 256)
        await viewer.close()
        body = {"sdp": "v=0", "type": "offer", "size": 300}
        assert (await http.post("/api/offer", json=body)).status_code == 400
        whep = await http.post(
            "/v1/whep?size=300", content="v=0", headers={"Content-Type": "application/sdp"}
        )
        assert (whep.status_code, whep.json()["error"]) == (400, "bad_size")


async def test_interrupt_cuts_the_caption_where_the_sound_ended(
    browser: Callable[..., Browser],
) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()
        viewer.send(type="say", text="one two three four five six seven eight", utterance="a")
        viewer.send(type="say", text="never heard", utterance="b")
        event = await viewer.event()
        while not (isinstance(event, Caption) and event.text == "one two"):
            event = await viewer.event()
        viewer.send(type="interrupt")
        event = await viewer.event()
        while not (isinstance(event, Caption) and event.final):
            event = await viewer.event()
        assert event.utterance == "a"
        assert event.text.startswith("one two")
        assert len(event.text) < len("one two three four")
        end = await viewer.event()
        assert isinstance(end, Speaking)
        assert (end.on, end.utterance, end.reason) == (False, "a", "interrupted")
        assert 200 <= end.position_ms <= 600, "the second word was heard, the fourth was not"
        assert await viewer.event() == Caption(utterance="b", text="", final=True)
        assert await viewer.event() == Speaking(on=False, utterance="b", reason="interrupted")
        viewer.send(type="say", text="again", utterance="a")
        assert await viewer.event() == Speaking(on=True, utterance="a")


async def test_another_avatar_without_a_new_connection(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()

        async def hue() -> float:
            frame = await viewer.tracks["video"].recv()
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
        assert (await viewer.event()).id == 7  # type: ignore[attr-defined]
        viewer.send(type="say", text="fail")
        event = await viewer.event()
        while not isinstance(event, ErrorEvent):
            event = await viewer.event()
        assert "choose another" in event.message
        viewer.send(type="say", text="fine", utterance="z")
        while not (isinstance(event, Speaking) and event.utterance == "z" and not event.on):
            event = await viewer.event()


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


async def test_a_full_server_says_when_to_come_back(browser: Callable[..., Browser]) -> None:
    async with running(max_sessions=1) as (_, http):
        first = browser()
        await first.connect(http)
        await first.event()
        body = {"sdp": await browser().offer(), "type": "offer"}
        response = await http.post("/api/offer", json=body)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["error"] == "server_full"
        assert await sessions(http) == 1
        await first.close()
        await until_gone(http)
        await browser().connect(http)


async def test_an_offer_with_a_known_id_reconnects_the_session(
    browser: Callable[..., Browser],
) -> None:
    async with running() as (_, http):
        first, second = browser(), browser()
        pc_id = await first.connect(http)
        ready = await first.event()
        assert await second.connect(http, pc_id=pc_id) == pc_id
        assert await second.event() == ready, "the same session"
        await first.close()
        second.send(type="ping", id=1)
        await second.event()
        assert await sessions(http) == 1


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
        session = (await first.event()).session  # type: ignore[attr-defined]
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


async def test_a_server_without_a_free_port_says_so(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object, **__: object) -> None:
        raise OSError("all are taken")

    async with running() as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        with monkeypatch.context() as here:
            here.setattr(asyncio.get_running_loop(), "create_datagram_endpoint", taken)
            refused = await http.post("/api/offer", json=body)
        assert (refused.status_code, refused.json()["error"]) == (503, "no_port")
        assert "udp_ports" in refused.json()["message"]
        assert refused.headers["retry-after"] == "5"
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


@pytest.mark.parametrize(
    ("content", "kind", "status", "words"),
    [
        (b"{}", "application/json", 400, "sdp"),
        (b"nonsense", "application/json", 400, "JSON"),
        (b'{"sdp": "x", "type": "answer"}', "application/json", 400, "type"),
        (b'{"sdp": "garbage", "type": "offer"}', "application/json", 400, "v=0"),
        (b'{"sdp": "v=0", "type": "offer"}', "application/json", 400, "media"),
        (b'{"sdp": "v=0", "type": "offer"}', "text/plain", 415, "application/json"),
        (b'{"sdp": "' + b"x" * 100_000 + b'", "type": "offer"}', "application/json", 413, "larger"),
    ],
)
async def test_bad_offers_leave_nothing_behind(
    content: bytes, kind: str, status: int, words: str
) -> None:
    async with running() as (_, http):
        response = await http.post("/api/offer", content=content, headers={"content-type": kind})
        assert response.status_code == status
        assert words in response.json()["message"]
        await until_gone(http)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("a=fingerprint:", "a=nothing:", 400),
        ("a=ice-ufrag:", "a=nothing:", 400),
        ("VP8", "VP7", 406),
        ("m=video", "m=banana", 406),
        ("a=recvonly", "a=sendonly", 406),
    ],
)
async def test_mangled_offers_are_refused(
    browser: Callable[..., Browser], old: str, new: str, status: int
) -> None:
    async with running() as (_, http):
        sdp = (await browser().offer()).replace(old, new)
        if old == "VP8":
            sdp = sdp.replace("H264", "H261")
        response = await http.post("/api/offer", json={"sdp": sdp, "type": "offer"})
        assert response.status_code == status, response.text
        assert response.json()["message"]
        await until_gone(http)


async def test_unknown_names_are_404(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer", "avatar": "nobody"}
        response = await http.post("/api/offer", json=body)
        assert response.status_code == 404
        assert "flat" in response.json()["message"], "it names those that exist"
        patch = {"pc_id": "nobody", "candidates": []}
        assert (await http.patch("/api/offer", json=patch)).status_code == 404
        assert (await http.delete("/api/offer/nobody")).status_code == 404
        assert (await http.get("/api/avatars/nobody.jpg")).status_code == 404
        assert (await http.post("/v1/sessions/nobody/events", content="{}")).status_code == 404


async def test_candidates_by_patch(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        viewer = browser()
        offer = await viewer.offer()
        kept = [line for line in offer.splitlines() if not line.startswith("a=candidate")]
        stripped = "\r\n".join(line for line in kept if line != "a=end-of-candidates") + "\r\n"
        response = await http.post("/api/offer", json={"sdp": stripped, "type": "offer"})
        answer = response.json()
        candidates = [
            {"candidate": line[2:], "sdp_mid": "0", "sdp_mline_index": 0}
            for line in offer.splitlines()
            if line.startswith("a=candidate")
        ]
        url = "/api/offer"
        bad = {"pc_id": answer["pc_id"], "candidates": [{"candidate": "candidate:junk"}]}
        assert (await http.patch(url, json=bad)).status_code == 400
        patch = {"pc_id": answer["pc_id"], "candidates": [*candidates[:1], {"candidate": ""}]}
        assert (await http.patch(url, json=patch)).json() == {"status": "success"}
        await viewer.accept(answer["sdp"])
        assert isinstance(await viewer.event(), Ready)


async def test_the_token_guards_everything_but_the_page(browser: Callable[..., Browser]) -> None:
    async with running(token="s3cret") as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            response = await http.post("/api/offer", json=body, headers=header)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert (await http.post("/v1/whep", headers=header)).status_code == 401
        assert (await http.get("/")).status_code == 200
        response = await http.post(
            "/api/offer", json=body, headers={"Authorization": "Bearer s3cret"}
        )
        assert response.status_code == 200
