"""How the application is served."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from avatar_server.open_sockets import STOPPING, OpenSockets
from avatar_server.serve import DrainingServer, address, listen, server_config


def test_idle_connections_outlive_those_of_load_balancers() -> None:
    """Else the next request of theirs may come while the connection is being closed."""
    assert server_config(Starlette(), trusted=(), grace=1).timeout_keep_alive > 60


async def test_sockets_are_told_why_when_the_server_stops() -> None:
    busy = asyncio.Event()

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await busy.wait()
        with pytest.raises(WebSocketDisconnect):
            await socket.send_text("too late")
        busy.clear()

    sockets = OpenSockets(Starlette(routes=[WebSocketRoute("/", talk)]))
    listener = listen("127.0.0.1", 0)
    config = server_config(sockets, trusted=(), grace=1)
    server = DrainingServer(config, sockets, lambda: asyncio.sleep(0), lambda: None)
    serving = asyncio.create_task(server.serve([listener]))
    async with connect(address(listener).replace("http", "ws")) as socket:
        assert await socket.recv() == "hello"
        server.should_exit = True
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        busy.set()
        await asyncio.wait_for(serving, 10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, STOPPING)
    assert not busy.is_set(), "what comes after the close goes nowhere"
