"""RTVI, the messages of Pipecat's clients, on the data channel of a peer.

A client that says ``client-ready`` gets a conversation, and the session's events in RTVI's words
besides its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from streaming.protocol import (
    MAX_MESSAGE,
    MAX_TEXT,
    Caption,
    Chat,
    ClientEvent,
    ConversationState,
    Converse,
    ErrorEvent,
    ProtocolError,
    ServerEvent,
    SessionWarning,
    Speaking,
    Transcript,
    explain,
)

LABEL: Final = "rtvi-ai"
VERSION: Final = "2.1.0"

Message = dict[str, Any]


class TrackStatus(BaseModel):
    """What a SmallWebRTC client says about its camera and screen; ignored."""

    type: Literal["signalling"]


class RtviMessage(BaseModel):
    """What a client sent."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    label: Literal["rtvi-ai"]
    type: Annotated[str, Field(max_length=64)]
    id: Annotated[str, Field(max_length=128)] = ""
    data: Any = None


class _Text(BaseModel):
    content: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


_FOREIGN: Final[TypeAdapter[RtviMessage | TrackStatus]] = TypeAdapter(RtviMessage | TrackStatus)


def read_foreign(message: str | bytes) -> RtviMessage | TrackStatus | None:
    """Parse a message of a Pipecat client; None if it is something else."""
    if len(message) > MAX_MESSAGE:
        return None
    try:
        return _FOREIGN.validate_json(message)
    except ValidationError:
        return None


def rtvi(kind: str, data: object = None, message_id: str = "") -> Message:
    message: Message = {"label": LABEL, "type": kind, "id": message_id}
    return message if data is None else {**message, "data": data}


class RtviClient:
    """Translates for one client; remembers the caption last sent of each utterance."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._user_speaks = False

    def read(self, message: RtviMessage) -> tuple[list[Message], ClientEvent | None]:
        """Messages that answer ``message``, and what it asks of the session.

        Raises :class:`ProtocolError` for what is not understood.
        """
        match message.type:
            case "client-ready":
                about = {"library": "avatar-server"}
                ready = rtvi("bot-ready", {"version": VERSION, "about": about}, message.id)
                return [ready], Converse()
            case "send-text":
                try:
                    return [], Chat(text=_Text.model_validate(message.data).content)
                except ValidationError as error:
                    raise ProtocolError(explain(error)) from error
        raise ProtocolError(f"{message.type} is not supported; send client-ready or send-text")

    def tell(self, event: ServerEvent) -> Iterator[Message]:
        """``event`` in RTVI's words; most events have none."""
        match event:
            case Speaking(on=True):
                yield rtvi("bot-started-speaking")
            case Speaking():
                yield rtvi("bot-stopped-speaking")
            case Caption():
                yield from self._tell_caption(event)
            case Transcript():
                yield from self._tell_transcript(event)
            case ConversationState(state="interrupted"):
                yield rtvi("bot-interrupted")
            case SessionWarning():
                yield rtvi("server-message", event.model_dump())
            case ErrorEvent():
                yield rtvi("error", {"error": event.message, "fatal": event.fatal})

    def _tell_caption(self, caption: Caption) -> Iterator[Message]:
        before = self._told.get(caption.utterance, "")
        if caption.text.startswith(before) and caption.text != before:
            yield rtvi("bot-tts-text", {"text": caption.text[len(before) :].strip()})
        self._told[caption.utterance] = caption.text
        if caption.final:
            del self._told[caption.utterance]
            said = {
                "text": caption.text,
                "output_type": "sentence",
                "aggregated_by": "sentence",
                "spoken": True,
                "will_be_spoken": True,
                "spoken_status": "completed",
            }
            yield rtvi("bot-output", said)

    def _tell_transcript(self, transcript: Transcript) -> Iterator[Message]:
        if not self._user_speaks and not transcript.final:
            self._user_speaks = True
            yield rtvi("user-started-speaking")
        now = datetime.now(UTC).isoformat()
        heard = {"text": transcript.text, "final": transcript.final, "timestamp": now}
        yield rtvi("user-transcription", {**heard, "user_id": ""})
        if self._user_speaks and transcript.final:
            self._user_speaks = False
            yield rtvi("user-stopped-speaking")
