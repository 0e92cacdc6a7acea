"""A WebSocket on which events go to a caller."""

from __future__ import annotations

from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_server.event_socket import POLICY, close


class Gone(WebSocket):
    def __init__(self) -> None:
        self.told = ""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.told = reason or ""
        raise WebSocketDisconnect(1006)


async def test_whoever_has_gone_already_is_no_failure() -> None:
    socket = Gone()
    await close(socket, POLICY, "ü" * 200)
    assert socket.told == "ü" * 60, "as much as a close frame holds"
