"""A WebSocket with a bounded send queue, closed with a code and a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

MAX_WAITING: Final = 4_000_000
"""Characters queued for a caller that reads slowly; beyond that it is disconnected."""

GOING_AWAY: Final = 1001
BAD_DATA: Final = 1003
POLICY: Final = 1008
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN: Final = 1013


class EventSocket:
    """Wraps an accepted ``socket``. Use from one event loop only."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._waiting = 0
        self._ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    async def run(self, receive: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Give every message to ``receive``, one at a time, until either side ends it."""
        work: list[asyncio.Future[None]] = [
            asyncio.create_task(self._receive(receive), name="socket-receive"),
            asyncio.create_task(self._send(), name="socket-send"),
        ]
        ends: list[asyncio.Future[Any]] = [*work, self._ended]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            results = await asyncio.gather(*work, return_exceptions=True)
        if self._ended.done():
            await close(self._socket, *self._ended.result())
        for result in results:
            if isinstance(result, Exception):
                raise result

    def send(self, message: str) -> None:
        """Queue a message; a caller that does not read them is disconnected."""
        self._waiting += len(message)
        if self._waiting > MAX_WAITING:
            self.end(POLICY, "events are not read fast enough")
        else:
            self._outgoing.put_nowait(message)

    def end(self, code: int, reason: str) -> None:
        """Close the socket; queued messages are not sent."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    async def _receive(self, receive: Callable[[str | bytes], Awaitable[None]]) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            await receive(message.get("text") or "" if data is None else data)

    async def _send(self) -> None:
        try:
            while True:
                message = await self._outgoing.get()
                self._waiting -= len(message)
                await self._socket.send_text(message)
        except WebSocketDisconnect:
            return


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close ``socket``, unless the other side has gone.

    A reason holds at most 123 bytes (RFC 6455, section 5.5).
    """
    with suppress(WebSocketDisconnect):
        await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
