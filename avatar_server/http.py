"""What the HTTP routes share: reading bodies, saying what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from renderer.contract import UnknownAvatarError, UnusableAvatarError
from streaming.protocol import Problem, explain

BodyT = TypeVar("BodyT", bound=BaseModel)


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


@contextmanager
def avatar_errors() -> Iterator[None]:
    """Answer with an :class:`ApiError` where an avatar is not found or cannot be used."""
    try:
        yield
    except UnknownAvatarError as error:
        raise ApiError(404, "unknown_avatar", str(error)) from error
    except UnusableAvatarError as error:
        raise ApiError(409, "unusable_avatar", str(error)) from error


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
