"""Routes requests and WebSockets to workers.

Ids of sessions and connections begin with the number of their worker: a request with such an id in
its path, its query or its body goes there, any other to the worker with the fewest sessions.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

import httpx
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from avatar_server.event_socket import BAD_DATA, POLICY, TRY_AGAIN, close
from avatar_server.http import ApiError, read_body
from avatar_server.signalling import MAX_BODY
from avatar_server.speech_socket import NO_TEXT, START_TIMEOUT
from avatar_server.workers.pool import Pool, Worker, WorkerError

Headers = list[tuple[str, str]]

_OWN_NAME: Final = re.compile(r"(\d{1,4})\.[\w-]+$")
"""An id made by a worker."""

_NAMED_IN_BODY: Final = ("/api/offer", "/start")
_WISHES: Final = ("requestData", "request_data", "body")
_NAMED_IN_FIRST_MESSAGE: Final = "/v1/speech"

_READ_BY_ALL: Final = "/v1/personas"
"""Documents that each worker reads again whenever it is asked for them."""

_PATIENCE: Final = 3.0
"""Seconds that a worker gets to read them."""

_CONNECTING: Final = 10.0
"""Seconds that a worker gets to accept a socket."""

_HOP: Final = frozenset(
    "connection keep-alive proxy-connection te trailer transfer-encoding upgrade "
    "x-forwarded-for x-forwarded-proto date".split()
)
"""Headers that concern one connection, and those that the proxy sets itself."""


class Proxy:
    """An ASGI application."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._pass_socket(WebSocket(scope, receive, send))
            return
        try:
            response = await self._pass_request(Request(scope, receive))
        except WorkerError as error:
            raise ApiError(503, "worker_failed", str(error), {"Retry-After": "1"}) from error
        await response(scope, receive, send)

    def _worker(self, connection: HTTPConnection, body: bytes | str = b"") -> Worker:
        names = [*connection.scope["path"].split("/"), connection.query_params.get("session", "")]
        for name in (*names, *_named_in(body)):
            # An id may be from before a restart, with more workers.
            if (found := _OWN_NAME.match(name)) and int(found[1]) in self._pool:
                return self._pool.get(int(found[1]))
        return self._pool.least_busy()

    # --- requests -------------------------------------------------------------------------------

    async def _pass_request(self, request: Request) -> Response:
        content: bytes | AsyncIterator[bytes] | None = None
        if request.method in ("POST", "PATCH") and request.url.path.endswith(_NAMED_IN_BODY):
            content = await read_body(request, MAX_BODY)
            worker = self._worker(request, content)
        else:
            worker = self._worker(request)
            if request.method in ("POST", "PUT", "PATCH"):
                content = request.stream()
        passed = worker.http.build_request(
            request.method, _address(request), headers=_headers(request), content=content
        )
        try:
            answer = await worker.http.send(passed, stream=True)
        except httpx.HTTPError as error:
            raise WorkerError("the process of this session has failed; connect again") from error
        if request.url.path.startswith(_READ_BY_ALL):
            await self._have_others_read(worker, request)
        response = StreamingResponse(_body(answer), answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if _passes(name.decode())
        ]
        return response

    async def _have_others_read(self, reader: Worker, request: Request) -> None:
        """Have all other workers read them too; one that fails reads them when it starts again."""
        headers = {"authorization": request.headers.get("authorization", "")}
        reading = [
            worker.http.get(f"http://worker{_READ_BY_ALL}", headers=headers, timeout=_PATIENCE)
            for worker in self._pool.all()
            if worker is not reader
        ]
        await asyncio.gather(*reading, return_exceptions=True)

    # --- sockets --------------------------------------------------------------------------------

    async def _pass_socket(self, socket: WebSocket) -> None:
        first: str | None = None
        try:
            if socket.url.path == _NAMED_IN_FIRST_MESSAGE:
                await socket.accept()
                async with asyncio.timeout(START_TIMEOUT):
                    first = await socket.receive_text()
            worker = self._worker(socket, first or "")
            upstream = await _reach(worker, socket)
        except InvalidStatus as error:
            answer = error.response
            await socket.send_denial_response(Response(answer.body, answer.status_code))
        except TimeoutError:
            await close(socket, POLICY, f"no start event within {START_TIMEOUT:g} s")
        except (WorkerError, OSError) as error:
            if first is None:
                await socket.accept()
            await close(socket, TRY_AGAIN, str(error))
        except KeyError:
            await close(socket, BAD_DATA, NO_TEXT)
        except WebSocketDisconnect:
            return
        else:
            async with upstream:
                await self._join(socket, upstream, first)

    @staticmethod
    async def _join(socket: WebSocket, upstream: ClientConnection, first: str | None) -> None:
        """Relay messages both ways until either side closes."""
        if first is None:
            await socket.accept(upstream.subprotocol)
        else:
            await upstream.send(first)
        up = asyncio.create_task(_carry_up(socket, upstream), name="proxy-up")
        down = asyncio.create_task(_carry_down(socket, upstream), name="proxy-down")
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)


async def _reach(worker: Worker, socket: WebSocket) -> ClientConnection:
    """A socket to the worker for what comes on ``socket``."""
    try:
        return await unix_connect(
            worker.path,
            f"ws://{socket.headers.get('host', 'localhost')}{_target(socket)}",
            subprotocols=[Subprotocol(name) for name in socket.scope["subprotocols"]] or None,
            additional_headers=[h for h in _headers(socket) if h[0] != "host"],
            user_agent_header=None,
            compression=None,
            open_timeout=_CONNECTING,
            ping_interval=None,
            max_size=None,
        )
    except TimeoutError as error:
        raise WorkerError("the process does not answer; try again") from error


async def _carry_up(socket: WebSocket, upstream: ClientConnection) -> None:
    while (message := await socket.receive())["type"] == "websocket.receive":
        data = message.get("bytes")
        await upstream.send(message["text"] if data is None else data)
    await upstream.close(message.get("code") or 1000)


async def _carry_down(socket: WebSocket, upstream: ClientConnection) -> None:
    try:
        async for message in upstream:
            if isinstance(message, str):
                await socket.send_text(message)
            else:
                await socket.send_bytes(message)
        await close(socket, upstream.close_code or 1000, upstream.close_reason or "")
    except ConnectionClosed as error:
        if error.rcvd is None:
            await close(socket, TRY_AGAIN, "the process of this session has failed; connect again")
        else:
            await close(socket, error.rcvd.code, error.rcvd.reason)


# --- what is passed on ----------------------------------------------------------------------------


def _target(connection: HTTPConnection) -> str:
    """Path and query as they came."""
    scope: Any = connection.scope
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path.split(b"?")[0] + (b"?" + query if query else b"")).decode("ascii", "replace")


def _named_in(body: bytes | str) -> Iterator[str]:
    """Connection and session that a JSON body names, itself or in what Pipecat's clients wish."""
    fields: Any = None
    with suppress(ValueError, RecursionError):
        fields = json.loads(body)
    if isinstance(fields, dict):
        for part in (fields, *(fields.get(name) for name in _WISHES)):
            if isinstance(part, dict):
                yield from (str(part.get(name)) for name in ("pc_id", "session"))


def _address(request: Request) -> httpx.URL:
    return httpx.URL(scheme="http", host="worker", raw_path=_target(request).encode())


def _headers(connection: HTTPConnection) -> Headers:
    client = connection.client.host if connection.client else ""
    return [
        *_kept(connection.headers.items()),
        ("x-forwarded-for", client),
        ("x-forwarded-proto", connection.url.scheme.replace("ws", "http")),
    ]


def _kept(headers: Iterable[tuple[str, str]]) -> Headers:
    return [
        (name, value)
        for name, value in headers
        if name not in _HOP and not name.startswith("sec-websocket-")
    ]


def _passes(name: str) -> bool:
    """Whether a header of an answer goes to the client; CORS is the front's."""
    name = name.lower()
    return name not in _HOP and not name.startswith("access-control-")


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
