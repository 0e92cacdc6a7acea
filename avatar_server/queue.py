"""``/api/queue``: clients of a full server ask for their place in the queue."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.admission import Admission
from avatar_server.http import ApiError, event_stream, server_event, wants_events
from avatar_server.waiting import TICKET_SECONDS

_REFRESH: Final = TICKET_SECONDS / 3
"""Seconds after which a stream asks again, and so keeps its ticket and its connection."""

_STILL: Final = ": still there\n\n"


class Queue:
    """Routes of the queue of a full server."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def routes(self) -> list[Route]:
        """Routes below ``/api``."""
        return [
            Route("/queue/{ticket}", self.place, methods=["GET"]),
            Route("/queue/{ticket}", self.leave, methods=["DELETE"]),
        ]

    async def place(self, request: Request) -> Response:
        """The place of a ticket: once, or as an event stream whenever it changes."""
        ticket = request.path_params["ticket"]
        place = self._admission.ask(ticket)
        if place is None:
            raise ApiError(404, "unknown_ticket", "this ticket is no longer in the queue")
        if wants_events(request):
            return event_stream(self._changes(ticket))
        headers = {"Cache-Control": "no-store", "Retry-After": str(int(_REFRESH))}
        return JSONResponse(place.model_dump(), headers=headers)

    async def leave(self, request: Request) -> Response:
        self._admission.give_up(request.path_params["ticket"])
        return Response(status_code=204)

    async def _changes(self, ticket: str) -> AsyncGenerator[str]:
        """``place`` events until the ticket is used, given up or lost; comments in between."""
        told = None
        while (place := self._admission.ask(ticket)) is not None:
            yield _STILL if place == told else server_event("place", place.model_dump())
            told = place
            await self._admission.change(_REFRESH)
        yield server_event("gone", {"ticket": ticket})
