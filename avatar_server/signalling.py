"""``/api/offer``: signalling for browsers and SmallWebRTC clients."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.admission import AdmissionError, current_client
from avatar_server.conversation.personas import UnknownPersonaError
from avatar_server.http import ApiError, avatar_errors, read_json
from avatar_server.logs import current_session
from avatar_server.models import Models
from avatar_server.session import Session, SessionOverError
from avatar_server.sessions import Sessions
from streaming.peer import NoPortError
from streaming.protocol import Answer, CandidatePatch, Offer, PictureSize
from streaming.sdp import MAX_SDP, BadOfferError, UnsupportedMediaError

log = logging.getLogger(__name__)

MAX_BODY = MAX_SDP + 16_000

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


async def open_session(
    sessions: Sessions,
    models: Models,
    avatar: str | None,
    default: str,
    persona: str | None = None,
    *,
    size: int | None = None,
    ticket: str | None = None,
    waits: bool = True,
) -> Session:
    """A new session with ``avatar``; raises the :class:`ApiError` to answer with if there is none.

    If ``avatar`` is None it is that of ``persona``, else the one that the client's token allows,
    else ``default``; pictures are ``size`` pixels wide if the server offers that.
    See :meth:`avatar_server.admission.Places.enter` for ``ticket`` and ``waits``.
    """
    if persona is not None:
        try:
            avatar = avatar or sessions.personas.get(persona).avatar
        except UnknownPersonaError as error:
            raise ApiError(404, "unknown_persona", str(error)) from error
    granted = current_client.get().avatar
    if granted is not None and avatar not in (None, granted):
        raise ApiError(403, "forbidden", f"your token is for the avatar {granted!r} only")
    with avatar_errors():
        met = await asyncio.to_thread(models.avatar, avatar or granted or default, size)
    try:
        return await sessions.open(met, persona, ticket=ticket, waits=waits)
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


class Signalling:
    """Routes of the SmallWebRTC form."""

    def __init__(self, sessions: Sessions, models: Models, default_avatar: str) -> None:
        self._sessions = sessions
        self._models = models
        self._default_avatar = default_avatar
        self._owners: dict[str, str] = {}
        """Session of each pc_id."""
        self._guests: set[str] = set()
        """Those pc_ids that joined a session which another client started."""

    def new_name(self) -> str:
        """A name for a connection to be; nobody can guess it."""
        return self._sessions.new_name()

    def routes(self) -> list[Route]:
        """Routes below ``/api``."""
        return [
            Route("/offer", self.offer, methods=["POST"]),
            Route("/offer", self.candidates, methods=["PATCH"]),
            Route("/offer/{pc_id}", self.leave, methods=["DELETE"]),
        ]

    async def offer(self, request: Request) -> Response:
        """Answer an offer; one with a known ``pc_id`` reconnects to its session, one with a
        ``session`` joins that."""
        body = await read_json(request, Offer, MAX_BODY)
        return await self.answer(body.wishing(body.request_data) if body.request_data else body)

    async def answer(self, body: Offer) -> Response:
        """The answer to an offer; see :meth:`offer`."""
        session = self._session_of(body.pc_id) if body.pc_id else None
        pc_id = body.pc_id if session and body.pc_id else self.new_name()
        guest = session is None and body.session is not None
        if session is None and body.session is not None:
            session = self._sessions.get(body.session)
            if session is None:
                raise ApiError(404, "unknown_session", "there is no such session")
        new = session is None
        if session is None:
            session = await open_session(
                self._sessions,
                self._models,
                body.avatar,
                self._default_avatar,
                body.persona,
                size=body.size,
                ticket=body.ticket,
            )
        answer = await attach(session, pc_id, body.sdp, new_session=new)
        self._forget_ended()
        self._owners[pc_id] = session.id
        if guest:
            self._guests.add(pc_id)
        return JSONResponse(Answer(sdp=answer, pc_id=pc_id).model_dump())

    async def candidates(self, request: Request) -> Response:
        body = await read_json(request, CandidatePatch, MAX_BODY)
        session = self._session_of(body.pc_id)
        peer = session.peer(body.pc_id) if session else None
        if peer is None:
            raise ApiError(404, "unknown_peer", f"there is no connection {body.pc_id!r}")
        try:
            await peer.add_candidates(body.candidates)
        except BadOfferError as error:
            raise ApiError(400, "bad_candidate", str(error)) from error
        return JSONResponse({"status": "success"})

    async def leave(self, request: Request) -> Response:
        pc_id = request.path_params["pc_id"]
        session = self._session_of(pc_id)
        if session is None:
            raise ApiError(404, "unknown_peer", f"there is no connection {pc_id!r}")
        del self._owners[pc_id]
        if pc_id in self._guests:
            await session.leave(pc_id, "the client left")
        else:
            session.end("the client left")
        return Response(status_code=204)

    def _session_of(self, pc_id: str) -> Session | None:
        return self._sessions.get(self._owners.get(pc_id, ""))

    def _forget_ended(self) -> None:
        self._owners = {
            pc_id: session for pc_id, session in self._owners.items() if self._sessions.get(session)
        }
        self._guests &= self._owners.keys()
