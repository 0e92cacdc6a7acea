"""One session on an avatar server: speech goes in by WebSocket, sound and picture come by WHEP.

Knows the wire (``docs/api.md`` of the server) and nothing of Pipecat.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import httpx
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SoundListener = Callable[[AudioFrame], Awaitable[None]]
PictureListener = Callable[[VideoFrame], Awaitable[None]]

_PATIENCE: Final = 15.0
"""Seconds that the server gets to answer."""

_EXPECTED: Final = (OSError, httpx.HTTPError, WebSocketException, RuntimeError)


class AvatarConnectionError(RuntimeError):
    """There is no session, or no longer; the message says why."""


class AvatarConnection:
    """Open it, use it from the same event loop, close it."""

    def __init__(
        self,
        url: str,
        rate: int,
        *,
        token: str | None,
        avatar: str | None,
        size: int | None,
        on_sound: SoundListener,
        on_picture: PictureListener,
        on_lost: Callable[[str], Awaitable[None]],
    ) -> None:
        """``rate`` is that of the speech in Hz. The listeners get decoded frames as they come;
        ``on_lost`` gets the reason when the server ends the session."""
        self._url = url.rstrip("/")
        self._start = {"type": "start", "rate": rate, "avatar": avatar, "size": size}
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._on_sound = on_sound
        self._on_picture = on_picture
        self._on_lost = on_lost
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._begun = 0
        """Utterances so far."""
        self._unheard: set[str] = set()
        """Names of those that are not over."""
        self._all_heard = asyncio.Event()
        self._all_heard.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._http = httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=_PATIENCE)
        self._socket: ClientConnection | None = None
        self._peer: RTCPeerConnection | None = None
        self._session = ""

    async def open(self) -> None:
        """Begin a session; raises :class:`AvatarConnectionError`."""
        try:
            async with asyncio.timeout(_PATIENCE):
                address = self._url.replace("http", "ws", 1) + "/v1/speech"
                self._socket = await connect(address, additional_headers=self._headers)
                await self._socket.send(json.dumps(self._start))
                ready = json.loads(await self._socket.recv())
                self._session = ready["session"]
                await self._watch()
        except BaseException as error:  # also when the pipeline is cancelled: leave no session
            await self.close()
            if isinstance(error, TimeoutError):
                reason: object = f"no answer within {_PATIENCE:g} s"
            elif isinstance(error, _EXPECTED):
                reason = error
            else:
                raise
            raise AvatarConnectionError(f"no session at {self._url}: {reason}") from error
        self._tasks += [
            asyncio.create_task(self._send(self._socket)),
            asyncio.create_task(self._receive(self._socket)),
        ]

    async def close(self) -> None:
        """End the session; may be called again."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if self._peer is not None:
            await self._peer.close()
        if self._socket is not None:
            await self._socket.close()
        await self._http.aclose()

    # --- speech ---------------------------------------------------------------------------------

    def speak(self) -> None:
        """Begin an utterance."""
        self._begun += 1
        name = str(self._begun)
        self._outgoing.put_nowait(json.dumps({"type": "speak", "utterance": name}))
        self._unheard.add(name)
        self._all_heard.clear()

    def push(self, pcm: bytes) -> None:
        """More of the utterance: mono s16le, as fast as it is made."""
        self._outgoing.put_nowait(pcm)

    def speak_end(self) -> None:
        """The utterance is complete."""
        self._outgoing.put_nowait(json.dumps({"type": "speak_end"}))

    def interrupt(self) -> None:
        """Silence the avatar now; what was not heard never will be."""
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        self._unheard.clear()
        self._all_heard.set()
        self._outgoing.put_nowait(json.dumps({"type": "interrupt"}))

    async def all_heard(self) -> None:
        """Wait until everything has been played."""
        await self._all_heard.wait()

    async def _send(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send(await self._outgoing.get())

    async def _receive(self, socket: ClientConnection) -> None:
        reason = "the server ended the session"
        try:
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "playback_finished":
                    self._unheard.discard(event["utterance"])
                    if not self._unheard:
                        self._all_heard.set()
        except ConnectionClosed as closed:
            reason = str(closed)
        self._all_heard.set()
        await self._on_lost(reason)

    # --- sound and picture ----------------------------------------------------------------------

    async def _watch(self) -> None:
        config = (await self._http.get("/api/config")).raise_for_status().json()
        servers = [RTCIceServer(**server) for server in config["iceServers"]]
        self._peer = peer = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        peer.addTransceiver("audio", "recvonly")
        peer.addTransceiver("video", "recvonly")
        peer.on("track", self._on_track)
        await peer.setLocalDescription(await peer.createOffer())
        answer = await self._http.post(
            "/v1/whep",
            params={"session": self._session},
            content=peer.localDescription.sdp,
            headers={"Content-Type": "application/sdp"},
        )
        if answer.is_error:
            raise AvatarConnectionError(answer.json()["message"])
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))

    def _on_track(self, track: MediaStreamTrack) -> None:
        deliver: Any = self._on_sound if track.kind == "audio" else self._on_picture
        self._tasks.append(asyncio.create_task(_deliver(track, deliver)))


async def _deliver(track: MediaStreamTrack, deliver: Callable[[Any], Awaitable[None]]) -> None:
    with suppress(MediaStreamError):
        while True:
            await deliver(await track.recv())
