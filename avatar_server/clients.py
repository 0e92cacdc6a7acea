"""Who sends requests: the client as limits count it."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_MAX_NAME: Final = 64
"""Characters kept of a peer's name that is no IP address."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who sent a request."""

    name: str
    """Its address, or what its token calls it."""
    avatar: str | None = None
    """The only avatar that its token allows."""


NOBODY: Final = Client("")

current_client: ContextVar[Client] = ContextVar("current_client", default=NOBODY)
"""The client whose request is being answered."""


def client_address(host: str) -> str:
    """The key of one client: its IPv4 address, or the /64 network of its IPv6 address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a test client, a socket file, or what a trusted proxy lets through
        return host[:_MAX_NAME]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
