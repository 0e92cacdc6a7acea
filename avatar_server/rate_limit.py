"""Rate limits per client, as token buckets."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

_MAX_CLIENTS: Final = 10_000
"""Clients that a rate limit tracks; beyond that the least recently seen is forgotten."""

_MINUTE: Final = 60.0


class RateLimit:
    """At most ``per_minute`` events of each client, a sixth of them at once."""

    def __init__(
        self,
        per_minute: int,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = per_minute / _MINUTE
        self._burst = max(1.0, per_minute / 6)
        self._now = now
        self._sleep = sleep
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Token bucket of each client: events left, and when that was computed."""

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

    async def turn(self, client: str) -> None:
        """Wait until an event may happen, and count it."""
        while wait := self.take(client):
            await self._sleep(wait)
