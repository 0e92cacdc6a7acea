"""What a program reads from ``/v1/speech`` and ``/v1/realtime``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection

WAIT = 20.0


async def event(socket: ClientConnection, kind: str | None = None) -> dict[str, Any]:
    """The next event, or the next of a kind."""
    async with asyncio.timeout(WAIT):
        while True:
            found: dict[str, Any] = json.loads(await socket.recv())
            if kind is None or found["type"] == kind:
                return found
