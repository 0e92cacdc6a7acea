"""A server in the process, and what a page does: a WebRTC peer on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from av import VideoFrame
from starlette.applications import Starlette

from avatar_server.app import create_app
from avatar_server.settings import Settings
from streaming.protocol import PictureRate, ServerEvent, read_server_event
from tests.fakes import ToneSpeech, flat_models, scripted_talking

WAIT = 20.0

EventT = TypeVar("EventT")


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
        self.events: asyncio.Queue[ServerEvent] = asyncio.Queue()
        self._keeps_rates = keeps_rates
        if media:
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
        self.channel = self.connection.createDataChannel("avatar") if channel else None
        if self.channel:
            self.channel.on("message", self._receive)
        self.tracks: dict[str, MediaStreamTrack] = {}
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
        pc_id: str = response.json()["pc_id"]
        return pc_id

    async def event(self) -> ServerEvent:
        return await asyncio.wait_for(self.events.get(), WAIT)

    async def expect(self, kind: type[EventT]) -> EventT:
        """The next event, which is of ``kind``."""
        event = await self.event()
        assert isinstance(event, kind), event
        return event

    async def until(self, kind: type[EventT], **fields: object) -> EventT:
        """The next event of ``kind`` with these fields; those before it are dropped."""
        while True:
            event = await self.event()
            if isinstance(event, kind) and all(
                getattr(event, name) == value for name, value in fields.items()
            ):
                return event

    async def picture(self) -> VideoFrame:
        """The next picture that comes."""
        frame = await asyncio.wait_for(self.tracks["video"].recv(), WAIT)
        assert isinstance(frame, VideoFrame)
        return frame

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
    count: int = (await http.get("/api/status")).json()["sessions"]
    return count
