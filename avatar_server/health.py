"""Health, readiness and metrics endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.admission import Admission
from avatar_server.metrics import CONTENT_TYPE


class Health:
    """Routes at the root, for load balancers and Prometheus."""

    def __init__(
        self,
        admission: Admission,
        exposition: Callable[[Request], Awaitable[bytes]],
        able: Callable[[], bool] = lambda: True,
    ) -> None:
        """``able``: whether there is a process to run sessions in."""
        self._admission = admission
        self._exposition = exposition
        self._able = able

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", self.alive),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
        ]

    async def alive(self, _: Request) -> Response:
        """200 as long as the event loop runs."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """200 if a new client would get a session, else 503 and why not."""
        admission = self._admission
        if admission.draining:
            status = "draining"
        elif not self._able():
            status = "starting"
        else:
            status = "ready" if admission.open else "full"
        body = {
            "status": status,
            "sessions": admission.running,
            "limit": admission.limit,
            "waiting": admission.waiting,
        }
        return JSONResponse(body, 200 if status == "ready" else 503)

    async def metrics(self, request: Request) -> Response:
        return Response(await self._exposition(request), media_type=CONTENT_TYPE)
