"""Who may begin a session, and how often."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar, Final

_MAX_CLIENTS: Final = 10_000
"""Clients that a rate limit remembers; past that it forgets who was not seen for longest."""

_SECONDS: Final = 60.0


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
    """What stands for one client: its IPv4 address, or its IPv6 network of 64 bits."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a test client or a socket file
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class AdmissionError(RuntimeError):
    """There is no session now; the message says why."""

    status: ClassVar[int]
    code: ClassVar[str]
    retry_after: ClassVar[int]
    """Seconds after which it is worth to ask again."""


class ServerFullError(AdmissionError):
    """As many sessions run as the server carries."""

    status, code, retry_after = 503, "server_full", 10


class DrainingError(AdmissionError):
    """The server finishes its sessions and takes no more."""

    status, code, retry_after = 503, "draining", 5


class ClientLimitError(AdmissionError):
    """This client has as many sessions as one client may have."""

    status, code, retry_after = 429, "client_limit", 10


class Admission:
    """Counts sessions; use from one event loop only."""

    def __init__(self, limit: int, per_client: int | None = None) -> None:
        self.limit = limit
        self.draining = False
        self._per_client = per_client
        self._clients: Counter[str] = Counter()

    @property
    def running(self) -> int:
        return self._clients.total()

    @property
    def open(self) -> bool:
        """Whether a new client would be let in."""
        return not self.draining and self.running < self.limit

    def enter(self, client: Client) -> None:
        """Count a session of ``client``; raises :class:`AdmissionError` if it may not begin."""
        if self.draining:
            raise DrainingError("the server is about to stop; connect again in a moment")
        if self.running >= self.limit:
            raise ServerFullError(f"all {self.limit} sessions are taken; try again later")
        if self._per_client is not None and self._clients[client.name] >= self._per_client:
            raise ClientLimitError(
                f"you have {self._per_client} sessions already; end one of them first"
            )
        self._clients[client.name] += 1

    def leave(self, client: Client) -> None:
        """A session of ``client`` has ended."""
        self._clients[client.name] -= 1
        if not self._clients[client.name]:
            del self._clients[client.name]


class RateLimit:
    """At most ``per_minute`` events of each client, a sixth of them at once."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / _SECONDS
        self._burst = max(1.0, per_minute / 6)
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What each client may still do, and when that was so."""

    def take(self, client: str) -> float:
        """Count an event; returns the seconds to wait if it is one too many, else 0."""
        now = self._now()
        left, since = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[client] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait
