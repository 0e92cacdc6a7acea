"""Admission of sessions: how many run at once, and who is next in the queue."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar, Protocol

from avatar_server.clients import Client
from avatar_server.session_limit import SessionLimit
from avatar_server.waiting import WaitingLine
from streaming.protocol import QueuePlace


class AdmissionError(RuntimeError):
    """A session cannot start now; the message says why."""

    status: ClassVar[int]
    code: ClassVar[str]
    retry_after: ClassVar[int]
    """Seconds after which another attempt is worth while."""

    def __init__(self, message: str, queue: QueuePlace | None = None) -> None:
        super().__init__(message)
        self.queue = queue
        """The client's place in the queue, if it has one."""


class ServerFullError(AdmissionError):
    """The server is at its session limit, or other clients are ahead in the queue."""

    status, code, retry_after = 503, "server_full", 3


class DrainingError(AdmissionError):
    """The server is draining: running sessions finish, no new ones start."""

    status, code, retry_after = 503, "draining", 5


class ClientLimitError(AdmissionError):
    """This client has as many sessions as one client may have."""

    status, code, retry_after = 429, "client_limit", 10


class Places(Protocol):
    """Where sessions get their places from."""

    async def enter(self, client: Client, ticket: str | None = None, *, waits: bool = True) -> None:
        """Take a place for a session of ``client``; raises :class:`AdmissionError` if none is free.

        A client that ``waits`` gets a queue ticket with the refusal of a full server, and passes
        it as ``ticket`` when it asks again.
        """

    def leave(self, client: Client) -> None:
        """A session of ``client`` has ended."""


class Admission:
    """Counts running sessions and serves the queue; use from one event loop only."""

    def __init__(
        self,
        limit: SessionLimit,
        per_client: int | None = None,
        line: WaitingLine | None = None,
    ) -> None:
        self._limit = limit
        self._draining = False
        self._per_client = per_client
        self._line = WaitingLine(0) if line is None else line
        self._clients: Counter[str] = Counter()
        self._changed = asyncio.Event()

    @property
    def limit(self) -> int:
        """The session limit now; after it fell, more than that may still be running."""
        return self._limit.now

    @property
    def running(self) -> int:
        return self._clients.total()

    @property
    def waiting(self) -> int:
        """Clients in the line."""
        return len(self._line)

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused because the server is about to stop."""
        return self._draining

    def drain(self) -> None:
        """Refuse new sessions from now on."""
        self._draining = True
        self._note_change()

    @property
    def open(self) -> bool:
        """Whether a new client would be let in."""
        return not self.draining and self._free > self.waiting

    async def enter(self, client: Client, ticket: str | None = None, *, waits: bool = True) -> None:
        """See :class:`Places`."""
        if self.draining:
            raise DrainingError("the server is about to stop; connect again in a moment")
        place = None if ticket is None else self._line.ask(ticket, self._free)
        others = self._line.held_by(client.name) - (place is not None)
        if self._per_client is not None and self._clients[client.name] + others >= self._per_client:
            raise ClientLimitError(
                f"you have {self._per_client} sessions already, or wait for them; "
                "end one of them first"
            )
        if (self.waiting + 1 if place is None else place) > self._free:
            raise ServerFullError(
                f"all {self.limit} sessions are taken; wait for your turn or try again later",
                self._queued(client, ticket, place) if waits or place else None,
            )
        if ticket is not None:
            self._line.leave(ticket)
        self._clients[client.name] += 1
        self._note_change()

    def second(self, strained: bool) -> None:
        """A second has passed; ``strained``: sound or pictures of sessions came late in it."""
        if self._limit.second(self.running, strained=strained):
            self._note_change()

    def leave(self, client: Client) -> None:
        """See :class:`Places`."""
        self._clients[client.name] -= 1
        if not self._clients[client.name]:
            del self._clients[client.name]
        self._note_change()

    # --- the line -------------------------------------------------------------------------------

    def ask(self, ticket: str) -> QueuePlace | None:
        """A ticket's place in the queue, which this renews; None if it is not in it (any more)."""
        place = self._line.ask(ticket, self._free)
        if place is None:
            return None
        return QueuePlace(ticket=ticket, place=place, ready=place <= self._free)

    def give_up(self, ticket: str) -> None:
        """Remove a ticket from the queue."""
        self._line.leave(ticket)
        self._note_change()

    async def change(self, seconds: float) -> None:
        """Wait until places may have changed, ``seconds`` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def _queued(self, client: Client, ticket: str | None, place: int | None) -> QueuePlace | None:
        if place is None:
            ticket, place = self._line.offer(client.name), self.waiting + 1
        return None if ticket is None else QueuePlace(ticket=ticket, place=place, ready=False)

    @property
    def _free(self) -> int:
        return 0 if self.draining else max(0, self.limit - self.running)

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
