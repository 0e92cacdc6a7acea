"""STUN and TURN servers for both peers, and the ports that media uses."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Callable
from typing import Any, Final

from aiortc import RTCIceServer

from avatar_server.settings import IceServer, PortRange, Settings

try:
    from uvloop import Loop as EventLoop
except ImportError:  # uvloop does not support Windows
    from asyncio import SelectorEventLoop as EventLoop  # type: ignore[assignment]

_ANY_PORT: Final = 0


def ice_servers(settings: Settings, now: Callable[[], float] = time.time) -> list[IceServer]:
    """The servers of the settings, and the TURN servers with time-limited credentials.

    Those follow coturn's ``use-auth-secret`` (draft-uberti-behave-turn-rest-00): the user name is
    the Unix time at which they expire, the password its SHA-1 HMAC.
    """
    servers = list(settings.ice_servers)
    if settings.turn_secret is not None:
        username = str(int(now()) + settings.turn_seconds)
        secret = settings.turn_secret.get_secret_value().encode()
        digest = hmac.digest(secret, username.encode(), hashlib.sha1)
        credential = base64.b64encode(digest).decode()
        servers += [
            IceServer.model_validate({"urls": url, "username": username, "credential": credential})
            for url in settings.turn_urls
        ]
    return servers


def for_browsers(servers: list[IceServer]) -> list[dict[str, str]]:
    """The servers as an ``RTCConfiguration`` has them."""
    return [
        server.model_dump(exclude_none=True, exclude={"credential"})
        | ({"credential": server.credential.get_secret_value()} if server.credential else {})
        for server in servers
    ]


def for_aiortc(servers: list[IceServer]) -> list[RTCIceServer]:
    """The servers for our own peers; of several of a kind aiortc uses the first."""
    return [
        RTCIceServer(
            server.urls,
            server.username,
            server.credential.get_secret_value() if server.credential else None,
        )
        for server in servers
    ]


def event_loop_factory(ports: PortRange | None) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes event loops; with ``ports``, their UDP sockets on any port take one of these.

    aioice binds its sockets to any port and has no setting for it.
    """
    if ports is None:
        return EventLoop
    allowed = ports.all()

    class PortRangeLoop(EventLoop):
        async def create_datagram_endpoint(
            self, protocol_factory: Any, local_addr: Any = None, *args: Any, **more: Any
        ) -> Any:
            create = super().create_datagram_endpoint
            if local_addr is None or local_addr[1] != _ANY_PORT:
                return await create(protocol_factory, local_addr, *args, **more)
            # At random, so that it seldom takes more than a few attempts.
            for port in random.sample(allowed, len(allowed)):
                try:
                    return await create(protocol_factory, (local_addr[0], port), *args, **more)
                except OSError:
                    continue
            raise OSError(f"all UDP ports of {allowed[0]} to {allowed[-1]} are taken")

    return PortRangeLoop
