"""The sessions of a process: opening, look-up and ending."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from typing import Final

from avatar_server.admission import AdmissionError, Places
from avatar_server.clients import current_client
from avatar_server.conversation.personas import Personas
from avatar_server.logs import current_session
from avatar_server.memory import release_memory
from avatar_server.metrics import Metrics
from avatar_server.observed import ObservedSession
from avatar_server.session import Session, SessionParts
from renderer.contract import Avatar
from streaming.protocol import ServerEvent

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 1.0
"""Seconds without any session before memory is returned to the system."""


class Sessions:
    """Use from one event loop only."""

    def __init__(
        self,
        parts: SessionParts,
        places: Places,
        metrics: Metrics,
    ) -> None:
        self._parts = parts
        self._places = places
        self._metrics = metrics
        self._running: dict[str, tuple[Session, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def personas(self) -> Personas:
        """The personas that sessions can talk to."""
        return self._parts.talking.personas

    def new_name(self) -> str:
        """A name for a connection; nobody can guess it."""
        return self._parts.new_name()

    async def open(
        self,
        avatar: Avatar,
        persona: str | None = None,
        *,
        ticket: str | None = None,
        waits: bool = True,
    ) -> Session:
        """Start a session for the current client; ``persona`` names the persona it talks to.

        Raises :class:`avatar_server.admission.AdmissionError` when none can start now; see
        :meth:`avatar_server.admission.Places.enter` for ``ticket`` and ``waits``.
        """
        client = current_client.get()
        try:
            await self._places.enter(client, ticket, waits=waits)
        except AdmissionError as error:
            self._metrics.admissions.labels(error.code).inc()
            raise
        self._metrics.admissions.labels("admitted").inc()
        try:
            session = ObservedSession(self._parts, avatar, self._metrics, persona, client.avatar)
        except BaseException:  # such as a device without memory for one more
            self._places.leave(client)
            raise
        context = contextvars.copy_context()
        context.run(current_session.set, session.id)
        task = asyncio.create_task(session.run(), name=f"session {session.id}", context=context)
        self._running[session.id] = (session, task)
        began = time.monotonic()

        def ended(_: asyncio.Task[None]) -> None:
            del self._running[session.id]
            self._places.leave(client)
            self._metrics.session_seconds.observe(time.monotonic() - began)
            if not self._running:
                asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._release)

        task.add_done_callback(ended)
        return session

    def _release(self) -> None:
        """Free what ended sessions left: webs of references with megabytes and native threads."""
        if not self._running:
            release_memory()

    def tell(self, event: ServerEvent) -> None:
        """Send an event to the clients of all sessions."""
        for session, _ in tuple(self._running.values()):
            session.tell(event)

    def get(self, session_id: str) -> Session | None:
        """The session of that name; None as soon as it is over."""
        entry = self._running.get(session_id)
        return entry[0] if entry and not entry[0].over else None

    async def wait_ended(self, seconds: float) -> None:
        """Wait until all have ended, or for ``seconds``."""
        tasks = [task for _, task in self._running.values()]
        log.info("draining: %d sessions get %g s to end", len(tasks), seconds)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def close(self, reason: str) -> None:
        """End all sessions and wait until they are gone."""
        tasks = [task for _, task in self._running.values()]
        for session, _ in tuple(self._running.values()):
            session.end(reason)
        if tasks:
            await asyncio.wait(tasks)
