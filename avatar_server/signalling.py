"""``/api/offer``: signalling for browsers and SmallWebRTC clients."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.http import ApiError, read_json
from avatar_server.reception import Reception, attach
from avatar_server.session import Session
from streaming.protocol import Answer, CandidatePatch, Offer
from streaming.sdp import MAX_SDP, BadOfferError

MAX_BODY: Final = MAX_SDP + 16_000
"""Bytes of an offer with what is around it."""


class Signalling:
    """Routes of the SmallWebRTC form."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._owners: dict[str, str] = {}
        """Session of each pc_id."""
        self._guests: set[str] = set()
        """Those pc_ids that joined a session which another client started."""

    def new_name(self) -> str:
        """A name for a connection to be; nobody can guess it."""
        return self._reception.new_name()

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
            session = self._reception.find(body.session)
        new = session is None
        if session is None:
            session = await self._reception.open(
                body.avatar, body.persona, size=body.size, ticket=body.ticket
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
        return self._reception.get(self._owners.get(pc_id, ""))

    def _forget_ended(self) -> None:
        self._owners = {
            pc_id: session
            for pc_id, session in self._owners.items()
            if self._reception.get(session)
        }
        self._guests &= self._owners.keys()
