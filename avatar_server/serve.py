"""Runs the application until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from avatar_server.admission import Admission
from avatar_server.capacity import capacity_for
from avatar_server.ice import event_loop_factory
from avatar_server.logs import set_up_logging
from avatar_server.memory import freeze_models
from avatar_server.models import Models
from avatar_server.open_sockets import OpenSockets
from avatar_server.session_limit import SessionLimit
from avatar_server.settings import Settings
from avatar_server.waiting import WaitingLine

log = logging.getLogger(__name__)

_SWITCH_INTERVAL: Final = 0.0005

_KEEP_ALIVE: Final = 75
"""Seconds for which idle connections are kept: longer than by clients (5 s) and load balancers
(60 s), whose next request would be lost on a connection that is just being closed."""


class ServeError(RuntimeError):
    """The server cannot start; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises :class:`ServeError` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServeError(
            f"cannot listen on {host} port {port}: {error.strerror}. "
            "Choose another port with --port (0 for any free one)."
        ) from error
    listener.listen(128)
    return listener


def address(listener: socket.socket) -> str:
    """The URL under which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_config(app: ASGIApp, trusted: Sequence[str], grace: int) -> uvicorn.Config:
    """How ``app`` is served: addresses in ``trusted`` may say for whom they ask, and requests
    under way get ``grace`` seconds when it stops."""
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=list(trusted),
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=grace,
        lifespan="on",
    )


class DrainingServer(uvicorn.Server):
    """Lets sessions end on SIGTERM before it stops; a second signal stops it at once.

    WebSockets that are still open then are told why.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: OpenSockets,
        drain: Callable[[], Awaitable[None]],
        on_started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._sockets = sockets
        self._wait_drained = drain
        self._on_started = on_started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._sockets.close()  # uvicorn would close them without a reason
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self._loop is not None and self._draining is None:
            self._loop.call_soon_threadsafe(self._begin_to_drain)
        else:
            super().handle_exit(sig, frame)

    def _begin_to_drain(self) -> None:
        self._draining = asyncio.create_task(self._drain(), name="drain")

    async def _drain(self) -> None:
        await self._wait_drained()
        super().handle_exit(signal.SIGTERM, None)


def tune_interpreter() -> None:
    """Settings of the interpreter for a process that holds sessions."""
    # By default a thread may keep the interpreter for 5 ms, and the event loop waits that long
    # after each call that lets it go; sound would have gaps as soon as all cores are busy.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    freeze_models()


def session_limit(settings: Settings, models: Models) -> SessionLimit:
    """The limit of the settings, or what the machine is measured to carry."""
    if settings.max_sessions is not None:
        return SessionLimit.fixed(settings.max_sessions)
    capacity = capacity_for(settings, models)
    log.info("%s (set max_sessions to change it)", capacity.describe())
    return SessionLimit(capacity.at_first, capacity.at_most)


def serve(
    settings: Settings,
    models: Models,
    make_app: Callable[[Admission], Starlette],
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` gets the address once it accepts requests.

    ``make_app`` gets the admission that grants places for sessions.
    """
    set_up_logging(settings.log_level, settings.log_format)
    listener = listen(settings.host, settings.port)
    admission = Admission(
        session_limit(settings, models),
        settings.max_sessions_per_client,
        WaitingLine(settings.max_queue),
    )
    app = make_app(admission)
    sockets = OpenSockets(app)
    config = server_config(sockets, settings.trusted_proxies, grace=5)
    server = DrainingServer(config, sockets, app.state.drain, lambda: announce(address(listener)))
    tune_interpreter()
    with asyncio.Runner(loop_factory=event_loop_factory(settings.udp_ports)) as runner:
        runner.run(server.serve([listener]))
    if not server.started:
        raise ServeError("the server did not start; the reason is above")
