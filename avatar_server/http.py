"""What the HTTP routes share: reading bodies, saying what is wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from renderer.contract import UnknownAvatarError, UnusableAvatarError
from streaming.protocol import Problem, QueuePlace, explain

log = logging.getLogger(__name__)

BodyT = TypeVar("BodyT", bound=BaseModel)


class ApiError(Exception):
    """An error answer: a status, a code for programs and a sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        queue: QueuePlace | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.queue = queue

    def response(self) -> Response:
        problem = Problem(error=self.code, message=str(self), queue=self.queue)
        body = problem.model_dump(exclude_none=True)
        return JSONResponse(body, self.status, headers=self.headers)


async def answer_api_error(_: Request, error: Exception) -> Response:
    """Exception handler for :class:`ApiError`."""
    assert isinstance(error, ApiError)
    return error.response()


async def answer_nobody(_: Request, __: Exception) -> Response:
    """Exception handler for a client that has gone in the middle of its request."""
    return Response(status_code=400)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Exception handler for requests that no route takes."""
    assert isinstance(error, HTTPException)
    what = {404: f"there is nothing at {request.url.path[:80]!r}", 405: f"no {request.method} here"}
    code = error.detail.lower().replace(" ", "_")
    message = f"{what.get(error.status_code, error.detail)}; see docs/api.md"
    return ApiError(error.status_code, code, message, error.headers).response()


async def answer_failure(_: Request, __: Exception) -> Response:
    """Exception handler for unexpected errors, which are logged as well."""
    return ApiError(500, "internal_error", "the server failed to do this; see its log").response()


EXCEPTION_HANDLERS: Final[Mapping[Any, Any]] = {
    ApiError: answer_api_error,
    HTTPException: answer_http_error,
    Exception: answer_failure,
    ClientDisconnect: answer_nobody,
}
"""Of every application here."""

EVENT_STREAM: Final = "text/event-stream"


def wants_events(request: Request) -> bool:
    """Whether the client asks for an answer as server-sent events."""
    return EVENT_STREAM in request.headers.get("accept", "")


def server_event(kind: str, data: Mapping[str, Any]) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def event_stream(events: AsyncIterable[str]) -> Response:
    """An answer of :func:`server_event`; proxies are asked not to hold it back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=headers)


@contextmanager
def avatar_errors() -> Iterator[None]:
    """Answer with an :class:`ApiError` where an avatar is not found or cannot be used."""
    try:
        yield
    except UnknownAvatarError as error:
        raise ApiError(404, "unknown_avatar", str(error)) from error
    except UnusableAvatarError as error:
        raise ApiError(409, "unusable_avatar", str(error)) from error


def disk_error(error: OSError) -> ApiError:
    """The answer where the server's disk is full or refuses a file."""
    log.error("a file could not be written: %s", error)
    message = "nothing was kept: the server's disk is full or refuses to be written; make room"
    return ApiError(507, "disk_full", message)


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
