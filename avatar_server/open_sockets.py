"""The WebSockets of a server, which are told why when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_server.event_socket import SERVICE_RESTART

STOPPING: Final = "the server is stopping; connect again"

_PATIENCE: Final = 1.0
"""Seconds that callers who do not read get to take the close."""


class OpenSockets:
    """An ASGI application around ``app`` that can close all of its WebSockets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._closers: set[Callable[[], Coroutine[Any, Any, None]]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        closed = False

        async def close() -> None:
            nonlocal closed
            closed = True
            await send({"type": "websocket.close", "code": SERVICE_RESTART, "reason": STOPPING})

        async def send_on(message: Message) -> None:
            if closed:
                raise OSError("the socket is closed")
            if message["type"] == "websocket.accept":
                self._closers.add(close)
            elif message["type"] == "websocket.close":
                self._closers.discard(close)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            self._closers.discard(close)

    async def close(self) -> None:
        """Close all that are open because the server stops."""
        closing = [asyncio.create_task(close()) for close in self._closers]
        if closing:
            _, late = await asyncio.wait(closing, timeout=_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*closing, return_exceptions=True)
