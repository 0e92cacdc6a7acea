"""``/v1/whep``: viewers that only watch (draft-ietf-wish-whep).

``POST /v1/whep?session=ID`` watches a running session. Without ``session`` the viewer gets a
session of its own, named in the answer's ``Avatar-Session`` header; events posted to
``/v1/sessions/ID/events`` make it speak.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from avatar_server.http import ApiError, read_text, require_content_type
from avatar_server.reception import Reception, attach, wanted_size
from streaming.protocol import MAX_TICKET, Candidate
from streaming.sdp import MAX_SDP, BadOfferError

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"


@dataclass(frozen=True, slots=True)
class _Viewing:
    session: str
    owns_session: bool
    etag: str


class Whep:
    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._viewings: dict[str, _Viewing] = {}

    def routes(self) -> list[Route]:
        """Routes below ``/v1``."""
        return [
            Route("/whep", self.play, methods=["POST"]),
            Route("/whep", self.options, methods=["OPTIONS"]),
            Route("/whep/{viewing}", self.options, methods=["OPTIONS"]),
            Route("/whep/{viewing}", self.trickle, methods=["PATCH"]),
            Route("/whep/{viewing}", self.stop, methods=["DELETE"]),
        ]

    async def options(self, _: Request) -> Response:
        return Response(headers={"Accept-Post": _SDP, "Accept-Patch": _FRAGMENT})

    async def play(self, request: Request) -> Response:
        require_content_type(request, _SDP)
        offer = await read_text(request, MAX_SDP)
        wanted = request.query_params.get("session")
        ticket = request.query_params.get("ticket")
        if ticket is not None and len(ticket) > MAX_TICKET:
            raise ApiError(400, "bad_request", f"a ticket has {MAX_TICKET} characters at most")
        if wanted is None:
            session = await self._reception.open(
                request.query_params.get("avatar"),
                size=wanted_size(request.query_params),
                ticket=ticket,
            )
        else:
            session = self._reception.find(wanted)
        name = self._reception.new_name()
        answer = await attach(session, name, offer, watches_only=True, new_session=wanted is None)
        self._forget_ended()
        viewing = _Viewing(session.id, wanted is None, f'"{secrets.token_urlsafe(8)}"')
        self._viewings[name] = viewing
        headers = {
            "Location": f"/v1/whep/{name}",
            "ETag": viewing.etag,
            "Accept-Patch": _FRAGMENT,
            "Avatar-Session": session.id,
        }
        return Response(answer, 201, headers, media_type=_SDP)

    async def trickle(self, request: Request) -> Response:
        """Candidates by PATCH; an ICE restart is refused with 422, so that clients POST again."""
        name, viewing = self._viewing(request)
        require_content_type(request, _FRAGMENT)
        match = request.headers.get("if-match")
        if match is None:
            raise ApiError(428, "precondition_required", "send If-Match with the ETag")
        if match == "*":
            raise ApiError(422, "no_ice_restart", "ICE restart is not supported; POST a new offer")
        if match != viewing.etag:
            raise ApiError(412, "precondition_failed", "If-Match is not the ETag of this viewing")
        fragment = await read_text(request, MAX_SDP)
        session = self._reception.get(viewing.session)
        peer = session.peer(name) if session else None
        if peer is None:
            raise ApiError(404, "unknown_viewing", "this viewing has ended")
        try:
            await peer.add_candidates(_candidates(fragment))
        except BadOfferError as error:
            raise ApiError(400, "bad_candidate", str(error)) from error
        return Response(status_code=204)

    async def stop(self, request: Request) -> Response:
        name, viewing = self._viewing(request)
        del self._viewings[name]
        session = self._reception.get(viewing.session)
        if session is not None:
            if viewing.owns_session:
                session.end("the viewer left")
            elif (peer := session.peer(name)) is not None:
                await peer.close("the viewer left")
        return Response(status_code=200)

    def _viewing(self, request: Request) -> tuple[str, _Viewing]:
        name = request.path_params["viewing"]
        viewing = self._viewings.get(name)
        if viewing is None:
            raise ApiError(404, "unknown_viewing", f"there is no viewing {name!r}")
        return name, viewing

    def _forget_ended(self) -> None:
        self._viewings = {
            name: viewing
            for name, viewing in self._viewings.items()
            if (session := self._reception.get(viewing.session)) and session.peer(name)
        }


def _candidates(fragment: str) -> list[Candidate]:
    """Candidates of an SDP fragment (RFC 8840)."""
    found: list[Candidate] = []
    mid: str | None = None
    for line in fragment.splitlines():
        if line.startswith("a=mid:"):
            mid = line.removeprefix("a=mid:").strip()
        elif line.startswith("a=candidate:"):
            found.append(Candidate(candidate=line.removeprefix("a="), sdp_mid=mid))
        elif line.startswith("a=end-of-candidates"):
            found.append(Candidate(candidate="", sdp_mid=mid))
    return found
