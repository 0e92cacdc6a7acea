"""What the front tells callers about a worker."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from avatar_server.serve import address, listen
from avatar_server.workers.pool import Pool
from avatar_server.workers.proxy import Proxy


@pytest.mark.parametrize("path", ["/v1/speech", "/v1/realtime"])
async def test_a_socket_for_a_worker_that_hangs_is_told_to_try_again(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avatar_server.workers.proxy._CONNECTING", 0.1)
    silent = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    worker = SimpleNamespace(path=str(tmp_path / "worker"))
    pool = SimpleNamespace(least_busy=lambda: worker)
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(Proxy(cast(Pool, pool)), log_level="error", lifespan="off")
    front = uvicorn.Server(config)
    async with await asyncio.start_unix_server(hang, worker.path):
        serving = asyncio.create_task(front.serve([listener]))
        async with connect(address(listener).replace("http", "ws") + path) as caller:
            with suppress(ConnectionClosed):
                await caller.send(json.dumps({"type": "start"}))
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(caller.recv(), 15)
        silent.set()
        front.should_exit = True
        await serving
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, "try again" in closed.value.rcvd.reason) == (1013, True)
