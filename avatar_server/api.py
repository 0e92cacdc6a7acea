"""The HTTP API of the page and of operators: configuration, avatars, status, events by POST."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.admission import Admission
from avatar_server.clients import current_client
from avatar_server.http import ApiError, avatar_errors, read_body
from avatar_server.ice import for_browsers, ice_servers
from avatar_server.models import Models
from avatar_server.sessions import Sessions
from avatar_server.settings import Settings
from avatar_server.thumbnails import Thumbnails
from streaming.protocol import MAX_MESSAGE, ErrorEvent, ProtocolError, read_client_event
from streaming.stages import StageTimes


class Api:
    """What the page and operators ask for over HTTP."""

    def __init__(
        self,
        settings: Settings,
        models: Models,
        sessions: Sessions,
        admission: Admission,
        stages: StageTimes,
    ) -> None:
        self._settings = settings
        self._models = models
        self._sessions = sessions
        self._admission = admission
        self._stages = stages
        self._thumbnails = Thumbnails(models)

    def routes(self) -> list[Route]:
        """Routes below ``/api``."""
        return [
            Route("/config", self.config),
            Route("/avatars", self.avatars),
            Route("/avatars/{name}.jpg", self.picture),
            Route("/status", self.status),
        ]

    def control(self) -> list[Route]:
        """Routes below ``/v1``."""
        return [Route("/sessions/{session}/events", self.event, methods=["POST"])]

    async def config(self, _: Request) -> Response:
        """What a browser needs before it can connect."""
        return JSONResponse(
            {
                "iceServers": for_browsers(ice_servers(self._settings)),
                "avatar": current_client.get().avatar or self._settings.avatar,
            }
        )

    async def avatars(self, _: Request) -> Response:
        found = await asyncio.to_thread(self._models.avatars.listed)
        listed = [
            {
                "name": avatar.name,
                "title": avatar.title,
                "thumbnail": f"/api/avatars/{avatar.name}.jpg?v={avatar.stamp}",
            }
            for avatar in found
        ]
        return JSONResponse({"default": self._settings.avatar, "avatars": listed})

    async def picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        with avatar_errors():
            stamp, image = await self._thumbnails.jpeg(name)
        fresh = request.query_params.get("v") == stamp
        headers = {"Cache-Control": "max-age=86400" if fresh else "no-cache"}
        return Response(image, media_type="image/jpeg", headers=headers)

    async def status(self, _: Request) -> Response:
        """Counts that return to where they were once every client has left."""
        stages = {name: asdict(cost) for name, cost in self._stages.costs.items()}
        return JSONResponse(
            {
                "sessions": len(self._sessions),
                "max_sessions": self._admission.limit,
                "waiting": self._admission.waiting,
                "process": os.getpid(),
                "tasks": len(asyncio.all_tasks()),
                "cpu_seconds": time.process_time(),
                "stages": stages,
            }
        )

    async def event(self, request: Request) -> Response:
        """Send a session an event as the data channel would; 202, or why not."""
        session = self._sessions.get(request.path_params["session"])
        if session is None:
            raise ApiError(404, "unknown_session", "there is no such session")
        try:
            event = read_client_event(await read_body(request, MAX_MESSAGE))
        except ProtocolError as error:
            session.note_error("bad_message")
            raise ApiError(400, "bad_request", str(error)) from error
        answer = await session.handle(event)
        if isinstance(answer, ErrorEvent):
            raise ApiError(429 if answer.code == "busy" else 400, answer.code, answer.message)
        return Response(status_code=202)
