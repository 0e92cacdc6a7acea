"""Runs the application until it is told to stop."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable

import uvicorn

from avatar_server.app import create_app
from avatar_server.conversation.tts import TextToSpeech
from avatar_server.models import Models
from avatar_server.settings import Settings


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


def serve(
    settings: Settings,
    models: Models,
    speech_engine: TextToSpeech,
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` gets the address once it accepts requests."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    listener = listen(settings.host, settings.port)
    app = create_app(settings, models, speech_engine)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=5,
            lifespan="on",
        )
    )
    # The models live as long as the process: keep the collector from walking them.
    gc.collect()
    gc.freeze()
    announce(address(listener))
    server.run(sockets=[listener])
