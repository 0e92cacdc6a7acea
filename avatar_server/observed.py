"""Sessions that report to the metrics."""

from __future__ import annotations

from typing import Final

from avatar_server.metrics import Metrics
from avatar_server.session import Session, SessionParts
from renderer.contract import Avatar
from streaming.peer import NoPortError, Peer
from streaming.protocol import ClientEvent, ConversationState, ErrorEvent, ServerEvent
from streaming.sdp import BadOfferError

_NO_ERRORS: Final = frozenset({"session_ended", "session_expired"})
"""Codes of error events that only say why a session ended as it should."""


class ObservedSession(Session):
    """A session whose events, peers and errors show in ``metrics``."""

    def __init__(
        self,
        parts: SessionParts,
        avatar: Avatar,
        metrics: Metrics,
        persona: str | None = None,
        only_avatar: str | None = None,
    ) -> None:
        super().__init__(parts, avatar, persona, only_avatar)
        self._metrics = metrics

    async def attach(self, name: str, offer: str, *, watches_only: bool = False) -> str:
        try:
            answer = await super().attach(name, offer, watches_only=watches_only)
        except BadOfferError:
            self.note_error("bad_offer")
            raise
        except NoPortError:
            self.note_error("no_port")
            raise
        peer = self.peer(name)
        self._metrics.peers.labels((peer and peer.codec) or "none").inc()
        return answer

    def note_error(self, code: str) -> None:
        self._metrics.errors.labels(code).inc()

    def note_peer(self, peer: Peer, state: str) -> None:
        super().note_peer(peer, state)
        self._metrics.ice.labels(state).inc()
        if state == "connected" and peer.path is not None:
            self._metrics.paths.labels(*peer.path).inc()

    def _send(self, event: ServerEvent) -> None:
        super()._send(event)
        if isinstance(event, ErrorEvent):
            if event.code not in _NO_ERRORS:
                self.note_error(event.code)
        elif isinstance(event, ConversationState) and event.state == "interrupted":
            self._metrics.interrupts.labels(event.reason or "api").inc()

    async def handle(self, event: ClientEvent) -> ServerEvent | None:
        self._metrics.events.labels(event.type).inc()
        answer = await super().handle(event)
        if isinstance(answer, ErrorEvent):
            self.note_error(answer.code)
        return answer
