"""The sessions of a process: admission, look-up, and an end for each of them."""

from __future__ import annotations

import asyncio

from avatar_server.session import Session, SessionParts
from renderer.contract import Avatar


class ServerFullError(RuntimeError):
    """As many sessions run as are allowed."""


class Sessions:
    """Use from one event loop only."""

    def __init__(self, parts: SessionParts, limit: int) -> None:
        self._parts = parts
        self._limit = limit
        self._running: dict[str, tuple[Session, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def open(self, avatar: Avatar) -> Session:
        """Start a session; raises :class:`ServerFullError` when there is no room."""
        if len(self._running) >= self._limit:
            raise ServerFullError(f"all {self._limit} sessions are taken; try again later")
        session = Session(self._parts, avatar)
        task = asyncio.create_task(session.run(), name=f"session {session.id}")
        self._running[session.id] = (session, task)
        task.add_done_callback(lambda _: self._running.pop(session.id, None))
        return session

    def get(self, session_id: str) -> Session | None:
        entry = self._running.get(session_id)
        return entry[0] if entry else None

    async def close(self, reason: str) -> None:
        """End all sessions and wait until they are gone."""
        tasks = [task for _, task in self._running.values()]
        for session, _ in tuple(self._running.values()):
            session.end(reason)
        if tasks:
            await asyncio.wait(tasks)
