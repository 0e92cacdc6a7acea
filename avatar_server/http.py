"""What the HTTP routes share: reading bodies, saying what is wrong, checking the token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from streaming.protocol import Problem, explain

BodyT = TypeVar("BodyT", bound=BaseModel)

PROTECTED = ("/api/", "/v1/")
"""Paths that need the bearer token where one is set; the page itself is open."""


class ApiError(Exception):
    """An error answer: a status, a code for programs and a sentence for people."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def response(self) -> Response:
        problem = Problem(error=self.code, message=str(self))
        return JSONResponse(problem.model_dump(), self.status, headers=self.headers)


async def answer_api_error(_: Request, error: Exception) -> Response:
    """Exception handler for :class:`ApiError`."""
    assert isinstance(error, ApiError)
    return error.response()


def require_content_type(request: Request, expected: str) -> None:
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given != expected:
        what = given or "none"
        raise ApiError(415, "wrong_content_type", f"send Content-Type: {expected} (it was {what})")


async def read_body(request: Request, limit: int) -> bytes:
    """The body; 413 as soon as it is longer than ``limit`` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise ApiError(413, "too_large", f"the body is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_text(request: Request, limit: int) -> str:
    try:
        return (await read_body(request, limit)).decode()
    except UnicodeDecodeError as error:
        raise ApiError(400, "bad_request", "the body is not UTF-8 text") from error


async def read_json(request: Request, model: type[BodyT], limit: int) -> BodyT:
    require_content_type(request, "application/json")
    body = await read_body(request, limit)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ApiError(400, "bad_request", explain(error)) from error


class TokenGuard:
    """ASGI middleware: 401 without the bearer token on protected paths, sockets included."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            self._token is None
            or scope["type"] not in ("http", "websocket")
            or scope.get("method") == "OPTIONS"
            or not scope["path"].startswith(PROTECTED)
            or _carries(HTTPConnection(scope), self._token)
        ):
            await self._app(scope, receive, send)
            return
        error = ApiError(
            401,
            "unauthorized",
            "this server needs a token: send Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(error.response())
        else:
            await error.response()(scope, receive, send)


def _carries(connection: HTTPConnection, token: str) -> bool:
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode(), token.encode()
    )
