"""A small HTTP server on loopback whose answers a test writes itself, byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Reply = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: dict[str, Any]
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has hung up."""


@dataclass
class HttpEndpoint:
    url: str = ""
    requests: list[Request] = field(default_factory=list)


@asynccontextmanager
async def serving(reply: Reply) -> AsyncGenerator[HttpEndpoint]:
    """Serve ``reply`` at a port of the system's choice; one request per connection."""
    endpoint = HttpEndpoint()
    busy: set[asyncio.Future[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            request = Request(head[0], headers, json.loads(body))
            endpoint.requests.append(request)
            answering: asyncio.Future[None] = asyncio.ensure_future(reply(request, writer))
            busy.add(answering)
            await reader.read()  # ends when the client hangs up
            request.closed.set()
            answering.cancel()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    endpoint.url = f"http://{host}:{port}/v1"
    try:
        yield endpoint
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def start(writer: asyncio.StreamWriter, status: str = "200 OK", kind: str = "") -> None:
    """Send the head of an answer whose body ends with the connection."""
    kind = kind or "text/event-stream"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def finish(writer: asyncio.StreamWriter) -> None:
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def answering(*parts: bytes, status: str = "200 OK", kind: str = "") -> Reply:
    """A reply that sends ``parts`` to every request."""

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer, status, kind)
        for part in parts:
            await send(writer, part)
        await finish(writer)

    return reply
