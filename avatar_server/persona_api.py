"""``/v1/personas``: list, show, write and delete the personas of conversations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.clients import current_client
from avatar_server.conversation.persona import MAX_DOCUMENT, Persona
from avatar_server.conversation.personas import PersonaConflictError, Personas, UnknownPersonaError
from avatar_server.http import ApiError, disk_error, read_body, require_content_type
from streaming.protocol import explain

_LISTED = {"name", "title", "about", "avatar", "language"}


class PersonaApi:
    """Routes below ``/v1``; files are read and written on threads, one change at a time."""

    def __init__(self, personas: Personas, default_avatar: str) -> None:
        self._personas = personas
        self._default_avatar = default_avatar
        self._changing = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/personas", self.index, methods=["GET"]),
            Route("/personas", self.create, methods=["POST"]),
            Route("/personas/{name}", self.show, methods=["GET"]),
            Route("/personas/{name}", self.replace, methods=["PUT"]),
            Route("/personas/{name}", self.remove, methods=["DELETE"]),
        ]

    async def index(self, _: Request) -> Response:
        """The personas to choose from, without instructions, which may be confidential."""
        await self._refresh()
        granted = current_client.get().avatar
        listed = [
            persona.model_dump(include=_LISTED)
            for persona in self._personas.all()
            if granted is None or persona.avatar in (None, granted)
        ]
        default = self._personas.get(avatar=granted or self._default_avatar)
        return JSONResponse({"default": default.name, "personas": listed})

    async def show(self, request: Request) -> Response:
        await self._refresh()
        with _problems():
            return _document(self._personas.get(request.path_params["name"]))

    async def create(self, request: Request) -> Response:
        document = await _read(request)
        async with self._changing:
            with _problems():
                saved = await asyncio.to_thread(self._personas.save, document, new=True)
        return _document(saved, 201, {"Location": f"/v1/personas/{saved.name}"})

    async def replace(self, request: Request) -> Response:
        name = request.path_params["name"]
        document = {"name": name, **await _read(request)}
        if document["name"] != name:
            raise ApiError(400, "bad_request", f"name: it is {name!r} in the address")
        async with self._changing:
            with _problems():
                return _document(await asyncio.to_thread(self._personas.save, document, new=False))

    async def remove(self, request: Request) -> Response:
        async with self._changing:
            with _problems():
                await asyncio.to_thread(self._personas.delete, request.path_params["name"])
        return Response(status_code=204)

    async def _refresh(self) -> None:
        async with self._changing:
            await asyncio.to_thread(self._personas.refresh)


def _document(
    persona: Persona, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return JSONResponse(persona.model_dump(mode="json"), status, headers)


async def _read(request: Request) -> dict[str, Any]:
    require_content_type(request, "application/json")
    try:
        document = json.loads(await read_body(request, MAX_DOCUMENT))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "bad_request", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError(400, "bad_request", "the body is not a JSON object")
    return document


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ApiError(400, "bad_request", explain(error)) from error
    except UnknownPersonaError as error:
        raise ApiError(404, "unknown_persona", str(error)) from error
    except PersonaConflictError as error:
        raise ApiError(409, "conflict", str(error)) from error
    except OSError as error:
        raise disk_error(error) from error
