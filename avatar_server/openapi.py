"""The HTTP API as an OpenAPI 3.1 document; ``docs/api.md`` says what it is for.

The WebSockets (``/v1/speech``, ``/v1/realtime``) and the events on the data channel are beyond
what OpenAPI can say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.access import FOR_SESSION_TOKENS, PROTECTED, TokenRequest
from avatar_server.conversation.persona import Persona
from avatar_server.own_avatars import KeypointsBody
from streaming.protocol import (
    Answer,
    BotRequest,
    CandidatePatch,
    ClientEvent,
    Offer,
    Problem,
    QueuePlace,
)

_PICTURES: Final = ("image/jpeg", "image/png", "image/webp")
_SDP: Final = "application/sdp"
_REFERENCE: Final = "#/components/schemas/{model}"
_EVENT: Final = "ClientEvent"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    summary: str
    body: type[BaseModel] | str | tuple[str, ...] | None = None
    """A model, the name of a schema, or media types."""
    answer: type[BaseModel] | str | None = None
    """A model or a media type; an object of JSON if None."""
    status: int = 200
    query: Sequence[str] = ()
    headers: Sequence[str] = ()


OPERATIONS: Final = (
    Operation("get", "/healthz", "200 while the event loop runs"),
    Operation("get", "/readyz", "Whether a new client would get a session; 503 if not"),
    Operation("get", "/metrics", "Figures for Prometheus", answer="text/plain"),
    Operation("get", "/openapi.json", "This document"),
    Operation("get", "/api/config", "What a browser needs before it connects"),
    Operation("get", "/api/avatars", "Avatars to choose from"),
    Operation("get", "/api/avatars/{name}.jpg", "Picture of an avatar", answer="image/jpeg"),
    Operation("get", "/api/status", "Running sessions, tasks, CPU seconds by stage"),
    Operation("post", "/api/offer", "Connect, or connect again", Offer, Answer),
    Operation("patch", "/api/offer", "More ICE candidates", CandidatePatch),
    Operation("delete", "/api/offer/{pc_id}", "Leave", status=204),
    Operation("get", "/api/queue/{ticket}", "Place in line, also as events", answer=QueuePlace),
    Operation("delete", "/api/queue/{ticket}", "Give the place up", status=204),
    Operation("post", "/start", "Begin as Pipecat's clients do", BotRequest),
    Operation("post", "/sessions/{bot}/api/offer", "Connect, after /start", Offer, Answer),
    Operation("patch", "/sessions/{bot}/api/offer", "More ICE candidates", CandidatePatch),
    Operation(
        "post", "/v1/whep", "Watch a session, or one of one's own", (_SDP,), _SDP, 201,
        query=("session", "avatar", "size", "ticket"),
    ),
    Operation("options", "/v1/whep", "What may be sent"),
    Operation("options", "/v1/whep/{viewing}", "What may be sent"),
    Operation(
        "patch", "/v1/whep/{viewing}", "More ICE candidates", ("application/trickle-ice-sdpfrag",),
        status=204, headers=("If-Match",),
    ),
    Operation("delete", "/v1/whep/{viewing}", "Stop watching"),
    Operation("post", "/v1/sessions/{session}/events", "Send an event", _EVENT, status=202),
    Operation("post", "/v1/tokens", "Mint a session token", TokenRequest, status=201),
    Operation("get", "/v1/avatars", "All avatars, and which can be changed"),
    Operation(
        "post", "/v1/avatars", "Make an avatar of a picture, or take in a file of one",
        (*_PICTURES, "application/zip"), status=201, query=("name", "title", "keypoints"),
    ),
    Operation("get", "/v1/avatars/{name}", "One avatar with its keypoints"),
    Operation("delete", "/v1/avatars/{name}", "Remove an avatar", status=204),
    Operation("get", "/v1/avatars/{name}.avatar", "An avatar as a file", answer="application/zip"),
    Operation("get", "/v1/avatars/{name}/picture", "What it was made of", answer="image/jpeg"),
    Operation("put", "/v1/avatars/{name}/keypoints", "Make it anew", KeypointsBody),
    Operation("post", "/v1/keypoints", "Where the face in a picture is", _PICTURES),
    Operation(
        "post", "/v1/preview", "A film of the face in a picture", _PICTURES, "video/mp4",
        query=("keypoints", "text"),
    ),
    Operation("get", "/v1/personas", "All personas"),
    Operation("post", "/v1/personas", "Write a persona", Persona, status=201),
    Operation("get", "/v1/personas/{name}", "One persona"),
    Operation("put", "/v1/personas/{name}", "Write a persona anew", Persona),
    Operation("delete", "/v1/personas/{name}", "Remove a persona", status=204),
)  # fmt: skip


def routes() -> list[Route]:
    """Where the document is."""
    return [Route("/openapi.json", _document)]


async def _document(_: Request) -> Response:
    return JSONResponse(openapi())


@cache
def openapi() -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Avatar server", "version": version("avatar-server")},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> dict[str, Any]:
    models: set[type[BaseModel]] = {Problem}
    for operation in OPERATIONS:
        for thing in (operation.body, operation.answer):
            if isinstance(thing, type):
                models.add(thing)
    ordered = sorted(models, key=lambda model: model.__name__)
    _, shared = models_json_schema(
        [(model, "validation") for model in ordered], ref_template=_REFERENCE
    )
    events = TypeAdapter(ClientEvent).json_schema(ref_template=_REFERENCE)
    return {**shared["$defs"], **events.pop("$defs"), _EVENT: events}


def _described(operation: Operation) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", operation.path)
    described: dict[str, Any] = {
        "operationId": f"{operation.method}{re.sub(r'[^a-z]+', '_', operation.path)}".rstrip("_"),
        "summary": operation.summary,
        "parameters": [
            *(_parameter(name, "path", required=True) for name in in_path),
            *(_parameter(name, "query") for name in operation.query),
            *(_parameter(name, "header") for name in operation.headers),
        ],
        "responses": {
            str(operation.status): _answered(operation),
            "default": {
                "description": "What is wrong and what to do",
                "content": {"application/json": {"schema": _reference("Problem")}},
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    if operation.path.startswith(PROTECTED):
        described["security"] = [{"bearer": []}]
        if operation.path.startswith(FOR_SESSION_TOKENS):
            described["description"] = "A session token is enough."
    return described


def _answered(operation: Operation) -> dict[str, Any]:
    answered: dict[str, Any] = {"description": operation.summary}
    if operation.status not in (202, 204) and operation.method != "options":
        media = operation.answer or {"type": "object"}
        answered["content"] = _content((media,) if isinstance(media, str) else media)
    return answered


def _content(body: object) -> dict[str, Any]:
    if isinstance(body, tuple):
        return {media: {"schema": {"type": "string"}} for media in body}
    if isinstance(body, Mapping):
        return {"application/json": {"schema": body}}
    name = body if isinstance(body, str) else getattr(body, "__name__", "")
    return {"application/json": {"schema": _reference(name)}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=name)}


def _parameter(name: str, place: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}
