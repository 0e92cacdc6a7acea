"""The link between a session and one of its peers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from avatar_server.rtvi import RtviClient, TrackStatus, read_foreign
from streaming.broadcast import Viewer
from streaming.peer import Peer
from streaming.protocol import (
    ClientEvent,
    Converse,
    ErrorEvent,
    ProtocolError,
    ServerEvent,
    read_client_event,
)
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
    rtvi: RtviClient | None = None
    """For a client that speaks RTVI."""

    def on_open(self) -> None:
        for event in self.session.present():
            self.peer.send(event.model_dump_json())

    def on_message(self, message: str | bytes) -> None:
        if self.watches_only:
            return
        # SmallWebRTC clients keep the channel alive with this bare text.
        if isinstance(message, str) and message.startswith("ping"):
            return
        self.session.start(self._answer(message))

    def tell(self, event: ServerEvent) -> None:
        """Send the client an event."""
        self.peer.send(event.model_dump_json())
        if self.rtvi is not None:
            for message in self.rtvi.tell(event):
                self.peer.send(json.dumps(message))

    async def _answer(self, message: str | bytes) -> None:
        answer: ServerEvent | None = None
        try:
            event = self._read(message)
            if event is not None:
                answer = await self.session.handle(event)
        except ProtocolError as error:
            self.session.note_error("bad_message")
            answer = ErrorEvent(code="bad_message", message=str(error))
        if answer is not None:
            self.tell(answer)

    def _read(self, message: str | bytes) -> ClientEvent | None:
        """What a message asks of the session, if anything; raises ProtocolError."""
        foreign = read_foreign(message)
        if foreign is None:
            return read_client_event(message)
        if isinstance(foreign, TrackStatus):
            return None
        if self.rtvi is None:
            self.rtvi = RtviClient()
        replies, event = self.rtvi.read(foreign)
        for reply in replies:
            self.peer.send(json.dumps(reply))
        # A client that reconnects or joins continues the running conversation.
        going_on = isinstance(event, Converse) and self.session.talk.conversation is not None
        return None if going_on else event

    def on_sound(self, pcm: FloatArray, rate: int) -> None:
        if not self.watches_only:
            self.session.hear(pcm, rate)

    def on_state(self, state: str) -> None:
        self.session.note_peer(self.peer, state)

    def on_closed(self, reason: str) -> None:
        self.session.detach(self.name, reason)
