"""The reception: opens and finds sessions for the clients of every protocol."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from avatar_server.admission import AdmissionError
from avatar_server.clients import current_client
from avatar_server.conversation.personas import UnknownPersonaError
from avatar_server.http import ApiError, avatar_errors
from avatar_server.logs import current_session
from avatar_server.models import Models
from avatar_server.session import Session, SessionOverError
from avatar_server.sessions import Sessions
from streaming.peer import NoPortError
from streaming.protocol import PictureSize
from streaming.sdp import BadOfferError, UnsupportedMediaError

log = logging.getLogger(__name__)

_SIZE: Final = TypeAdapter(PictureSize)


def wanted_size(query: QueryParams) -> int | None:
    """The query parameter ``size``; raises :class:`ApiError` for an unknown size."""
    size = query.get("size")
    if size is None:
        return None
    try:
        return _SIZE.validate_python(size)
    except ValidationError as error:
        raise ApiError(400, "bad_size", f"size is 256, 512 or 768, not {size[:20]!r}") from error


class Reception:
    """Sessions for the current client; raises the :class:`ApiError` to refuse it with."""

    def __init__(self, sessions: Sessions, models: Models, default_avatar: str) -> None:
        self._sessions = sessions
        self._models = models
        self._default_avatar = default_avatar

    def new_name(self) -> str:
        """A name for a connection; nobody can guess it."""
        return self._sessions.new_name()

    def get(self, session_id: str) -> Session | None:
        """The running session of that id."""
        return self._sessions.get(session_id)

    def find(self, session_id: str) -> Session:
        """The running session of that id, for a client that asks for it."""
        session = self._sessions.get(session_id)
        if session is None:
            raise ApiError(404, "unknown_session", f"there is no session {session_id[:80]!r}")
        return session

    async def open(
        self,
        avatar: str | None,
        persona: str | None = None,
        *,
        size: int | None = None,
        ticket: str | None = None,
        waits: bool = True,
    ) -> Session:
        """A new session with ``avatar``.

        If ``avatar`` is None it is that of ``persona``, else the one that the client's token
        allows, else the server's default; pictures are ``size`` pixels wide if the server offers
        that. See :meth:`avatar_server.admission.Places.enter` for ``ticket`` and ``waits``.
        """
        if persona is not None:
            try:
                avatar = avatar or self._sessions.personas.get(persona).avatar
            except UnknownPersonaError as error:
                raise ApiError(404, "unknown_persona", str(error)) from error
        granted = current_client.get().avatar
        if granted is not None and avatar not in (None, granted):
            raise ApiError(403, "forbidden", f"your token is for the avatar {granted!r} only")
        name = avatar or granted or self._default_avatar
        with avatar_errors():
            met = await asyncio.to_thread(self._models.avatar, name, size)
        try:
            return await self._sessions.open(met, persona, ticket=ticket, waits=waits)
        except AdmissionError as error:
            retry = {"Retry-After": str(error.retry_after)}
            raise ApiError(error.status, error.code, str(error), retry, error.queue) from error


async def attach(
    session: Session, name: str, offer: str, *, watches_only: bool = False, new_session: bool
) -> str:
    """Attach a peer; a session made for it does not survive a refused offer."""
    # The peer's tasks inherit this context.
    current_session.set(session.id)
    try:
        return await session.attach(name, offer, watches_only=watches_only)
    except BaseException as error:
        if new_session:
            session.end("the offer was refused")
        if isinstance(error, UnsupportedMediaError):
            raise ApiError(406, "unsupported_media", str(error)) from error
        if isinstance(error, BadOfferError):
            raise ApiError(400, "bad_offer", str(error)) from error
        if isinstance(error, NoPortError):
            log.error("an offer was refused: %s", error)
            raise ApiError(503, "no_port", str(error), {"Retry-After": "5"}) from error
        if isinstance(error, SessionOverError):
            raise ApiError(503, "session_ended", str(error), {"Retry-After": "1"}) from error
        raise
