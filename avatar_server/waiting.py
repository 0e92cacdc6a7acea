"""The queue of a full server: first come, first served, for clients that keep asking.

A ticket becomes a place in the queue when its client first asks about it, and is kept by asking
again. A client that stops asking, or does not use its turn, loses its place, so nobody waits behind
clients that have gone or know nothing of tickets.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

TICKET_SECONDS: Final = 10.0
"""How long a ticket lasts after it was last asked for, and after its turn has come."""


@dataclass(slots=True)
class _Ticket:
    client: str
    until: float
    called: bool = False
    """Its turn has come: asking again no longer makes it last longer."""


class WaitingLine:
    """At most ``most`` tickets. Not thread-safe."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._offered: dict[str, _Ticket] = {}
        """Tickets not asked for yet."""
        self._taken: dict[str, _Ticket] = {}
        """The queue, in order."""

    def __len__(self) -> int:
        self._forget_gone()
        return len(self._taken)

    def held_by(self, client: str) -> int:
        """Places of one client."""
        self._forget_gone()
        return sum(ticket.client == client for ticket in self._taken.values())

    def offer(self, client: str) -> str | None:
        """A new ticket, not yet in the queue; None when the queue is full."""
        if len(self) >= self._most:
            return None
        if len(self._offered) >= self._most:
            del self._offered[next(iter(self._offered))]
        name = secrets.token_urlsafe(12)
        self._offered[name] = _Ticket(client, self._now() + TICKET_SECONDS)
        return name

    def ask(self, name: str, free: int) -> int | None:
        """The place of a ticket, from 1, which this renews; ``free`` sessions can start now.

        None for a ticket that is not in the queue (any more).
        """
        if len(self) < self._most and name in self._offered:
            self._taken[name] = self._offered.pop(name)
        ticket = self._taken.get(name)
        if ticket is None:
            return None
        place = list(self._taken).index(name) + 1
        if not ticket.called:
            ticket.called = place <= free
            ticket.until = self._now() + TICKET_SECONDS
        return place

    def leave(self, name: str) -> None:
        """Give a ticket up; one that is gone already is fine."""
        self._offered.pop(name, None)
        self._taken.pop(name, None)

    def _forget_gone(self) -> None:
        now = self._now()
        for tickets in (self._offered, self._taken):
            for name in [name for name, ticket in tickets.items() if ticket.until <= now]:
                del tickets[name]
