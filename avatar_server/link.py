"""What joins a session with one of its peers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streaming.broadcast import Viewer
from streaming.peer import Peer
from streaming.protocol import ErrorEvent, ProtocolError, ServerEvent, read_client_event
from streaming.resample import FloatArray

if TYPE_CHECKING:
    from avatar_server.session import Session


@dataclass(eq=False, slots=True)
class Link:
    """One peer of a session; implements :class:`streaming.peer.PeerListener`."""

    session: Session
    name: str
    watches_only: bool
    viewer: Viewer
    peer: Peer = field(init=False)

    def on_open(self) -> None:
        for event in self.session.present():
            self.peer.send(event.model_dump_json())

    def on_message(self, message: str | bytes) -> None:
        if self.watches_only:
            return
        # Clients of the SmallWebRTC form keep the channel alive with this bare text.
        if isinstance(message, str) and message.startswith("ping"):
            return
        self.session.start(self._answer(message))

    async def _answer(self, message: str | bytes) -> None:
        answer: ServerEvent | None
        try:
            answer = await self.session.handle(read_client_event(message))
        except ProtocolError as error:
            answer = ErrorEvent(code="bad_message", message=str(error))
        if answer is not None:
            self.peer.send(answer.model_dump_json())

    def on_sound(self, pcm: FloatArray, rate: int) -> None:
        if not self.watches_only:
            self.session.hear(pcm, rate)

    def on_closed(self, reason: str) -> None:
        self.session.detach(self.name, reason)
