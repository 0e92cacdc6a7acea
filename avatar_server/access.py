"""Access control over HTTP: the server's key, session tokens, origins, rate limits."""

from __future__ import annotations

import asyncio
import hmac
import math
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from avatar_server.clients import Client, client_address, current_client
from avatar_server.http import ApiError, avatar_errors, read_json
from avatar_server.models import Models
from avatar_server.rate_limit import RateLimit
from avatar_server.settings import Settings
from avatar_server.tokens import MAX_SECONDS, Grant, InvalidTokenError, TokenMint

PROTECTED: Final = ("/api/", "/v1/", "/metrics", "/start", "/sessions/")
"""Paths that need the key where one is set; the page itself is open."""

FOR_SESSION_TOKENS: Final = (
    "/api/config",
    "/api/avatars",
    "/api/offer",
    "/api/queue",
    "/v1/whep",
    "/v1/realtime",
    "/start",
    "/sessions/",
)
"""Paths for which a session token is enough."""

_LIMITED: Final = (
    "/api/offer", "/v1/whep", "/v1/speech", "/v1/realtime", "/v1/tokens", "/v1/avatars",
    "/v1/keypoints", "/v1/preview", "/start", "/sessions/",
)  # fmt: skip
"""Expensive paths: requests to them are rate-limited per client."""

TOKEN_SUBPROTOCOL: Final = "openai-insecure-api-key."

_MAX_BODY: Final = 4096


class AccessGuard:
    """ASGI middleware: authorises requests and sets ``current_client``."""

    def __init__(
        self,
        app: ASGIApp,
        key: str | None,
        allowed_origins: Sequence[str],
        rate: RateLimit | None,
    ) -> None:
        self._app = app
        self._key = key
        self._mint = None if key is None else TokenMint(key)
        self._origins = frozenset(allowed_origins)
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            current_client.set(self._check(connection))
        except ApiError as error:
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(error.response())
            else:
                await error.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, connection: HTTPConnection) -> Client:
        path: str = connection.scope["path"]
        client = Client(client_address(connection.client.host if connection.client else ""))
        # A WebSocket is begun by a GET, but costs as much as any POST.
        socket = connection.scope["type"] == "websocket"
        method = "POST" if socket else connection.scope["method"]
        if method == "OPTIONS" or not path.startswith(PROTECTED):
            return client
        if method != "GET":
            self._check_origin(connection)
        grant = self._grant(connection, path)
        if grant is not None:
            client = Client(grant.client or client.name, grant.avatar)
        if self._rate is not None and method == "POST" and path.startswith(_LIMITED):
            wait = self._rate.take(client.name)
            if wait:
                raise ApiError(
                    429,
                    "too_many_requests",
                    f"too many requests; try again in {math.ceil(wait)} s",
                    {"Retry-After": str(math.ceil(wait))},
                )
        return client

    def _check_origin(self, connection: HTTPConnection) -> None:
        """Refuse what a page of another site sends (cross-site request forgery)."""
        origin = connection.headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return
        if origin.partition("://")[2] != connection.headers.get("host"):
            raise ApiError(
                403,
                "wrong_origin",
                f"pages of {origin[:100]} may not use this server; see allowed_origins",
            )

    def _grant(self, connection: HTTPConnection, path: str) -> Grant | None:
        """What the session token grants; None for the key, or where none is needed."""
        if self._key is None or self._mint is None:
            return None
        given = _bearer(connection)
        reason = "this server needs a token: send Authorization: Bearer TOKEN"
        if given is not None:
            if hmac.compare_digest(given.encode(), self._key.encode()):
                return None
            try:
                grant = self._mint.read(given)
            except InvalidTokenError as error:
                reason = str(error)
            else:
                listing = path == "/v1/personas" and connection.scope.get("method") == "GET"
                if path.startswith(FOR_SESSION_TOKENS) or listing:
                    return grant
                raise ApiError(403, "forbidden", "a session token does not allow this")
        raise ApiError(401, "unauthorized", reason, {"WWW-Authenticate": "Bearer"})


def guards(settings: Settings) -> list[Middleware]:
    """What every request passes first: CORS and access."""
    offers = settings.offers_per_minute
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match"],
            expose_headers=["Location", "Link", "ETag", "Avatar-Session", "Retry-After"],
        ),
        Middleware(
            AccessGuard,
            key=settings.key,
            allowed_origins=settings.allowed_origins,
            rate=RateLimit(offers) if offers else None,
        ),
    ]


def _bearer(connection: HTTPConnection) -> str | None:
    """The bearer token of a request.

    Browsers cannot set headers on a WebSocket, so it may also come as a subprotocol, under the
    name that OpenAI's clients use.
    """
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    for offered in connection.scope.get("subprotocols", ()):
        if offered.startswith(TOKEN_SUBPROTOCOL):
            return str(offered.removeprefix(TOKEN_SUBPROTOCOL))
    return None


class TokenRequest(BaseModel):
    """Body of ``POST /v1/tokens``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: Annotated[int, Field(ge=1, le=MAX_SECONDS)] = 300
    """How long the token can start sessions; those that run are not ended."""
    avatar: Annotated[str, Field(max_length=64)] | None = None
    client: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Tokens:
    """``/v1/tokens``: servers that hold the key get session tokens for their users."""

    def __init__(self, key: str | None, models: Models) -> None:
        self._mint = None if key is None else TokenMint(key)
        self._models = models

    def routes(self) -> list[Route]:
        """Routes below ``/v1``."""
        return [Route("/tokens", self.mint, methods=["POST"])]

    async def mint(self, request: Request) -> Response:
        if self._mint is None:
            raise ApiError(404, "no_tokens", "this server is open: it needs no tokens")
        wanted = await read_json(request, TokenRequest, _MAX_BODY)
        if wanted.avatar is not None:
            with avatar_errors():
                await asyncio.to_thread(self._models.avatars.stamp, wanted.avatar)
        token = self._mint.mint(wanted.seconds, wanted.avatar, wanted.client)
        body = {"token": token, "seconds": wanted.seconds}
        return JSONResponse(body, 201, headers={"Cache-Control": "no-store"})
