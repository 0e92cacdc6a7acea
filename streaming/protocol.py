"""The events on the data channel and the bodies of the signalling API.

One file for all programs that use the protocol: server, headless client, load test; the browser's
``client/web/avatar-client.js`` mirrors it. Every event is one JSON object with a ``type``;
unknown fields are ignored, an unknown type is answered with an ``error`` event.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_TEXT: Final = 4_000
"""Characters that one ``say`` may carry."""

MAX_MESSAGE: Final = 16_384
"""Bytes of one data-channel message."""

MAX_TICKET: Final = 64
"""Characters of a queue ticket."""

CHANNEL_LABEL: Final = "avatar"


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


# --- client to server -------------------------------------------------------------------------


class Say(_Event):
    """Speak ``text`` after whatever is being spoken."""

    type: Literal["say"] = "say"
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    utterance: Annotated[str, Field(max_length=64)] | None = None
    """Name under which events report this utterance; made by the server if absent."""


class Interrupt(_Event):
    """Silence the avatar at once and drop everything that waits to be spoken."""

    type: Literal["interrupt"] = "interrupt"


class Microphone(_Event):
    """Let the avatar speak what the microphone hears (its voice, the avatar's face)."""

    type: Literal["microphone"] = "microphone"
    on: bool


class Express(_Event):
    """Change how the face moves from now on; what is not given stays as it is."""

    type: Literal["express"] = "express"
    emotion: str | None = None
    intensity: Annotated[float | None, Field(ge=0.0, le=1.0)] = None
    """Of the emotion; with a new emotion, 1 if not given."""
    guidance: Annotated[float | None, Field(ge=1.0, le=4.0)] = None
    """Weight of classifier-free guidance."""
    head: Annotated[float | None, Field(ge=0.0, le=2.0)] = None
    """Strength of the head's motion."""
    seed: Annotated[int | None, Field(ge=0, lt=2**32)] = None
    """What is random about the motion."""


class Show(_Event):
    """Go on with the face of another avatar."""

    type: Literal["show"] = "show"
    avatar: str


class Converse(_Event):
    """Begin a conversation in which the microphone is listened to and answered, or end it."""

    type: Literal["converse"] = "converse"
    on: bool = True
    persona: str | None = None
    """Who to talk to, with the face of that persona; if absent the one of the offer, or the one
    that the avatar is."""


class Chat(_Event):
    """Say something in the conversation by text."""

    type: Literal["chat"] = "chat"
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class Stay(_Event):
    """The user is still there, though nobody says anything."""

    type: Literal["stay"] = "stay"


class Ping(_Event):
    """Answered by :class:`Pong` with the same ``id``."""

    type: Literal["ping"] = "ping"
    id: int = 0


ClientEvent = Annotated[
    Say | Interrupt | Microphone | Converse | Chat | Express | Show | Stay | Ping,
    Field(discriminator="type"),
]

# --- server to client -------------------------------------------------------------------------


class Ready(_Event):
    """What this session is; the first event, and sent again when another avatar is shown."""

    type: Literal["ready"] = "ready"
    session: str
    avatar: str
    fps: int
    size: int
    max_text: int = MAX_TEXT


class Speaking(_Event):
    """The avatar began or stopped speaking; sent when the sound is played, not when it is made."""

    type: Literal["speaking"] = "speaking"
    on: bool
    utterance: str | None = None
    """None for microphone mode."""
    reason: Literal["started", "finished", "interrupted"] = "started"
    position_ms: int = 0
    """How much of the utterance has been heard, in milliseconds of its sound."""


class Caption(_Event):
    """The part of an utterance heard so far, timed to playout."""

    type: Literal["caption"] = "caption"
    utterance: str
    text: str
    """Text spoken up to and with the word that sounds now."""
    final: bool = False
    """True on the last caption of the utterance: all of it, or where it was cut."""


class ConversationState(_Event):
    """Whose turn it is; after ``interrupted`` another state follows at once."""

    type: Literal["state"] = "state"
    state: Literal["off", "listening", "thinking", "speaking", "interrupted"]
    reason: Literal["voice", "button", "text", "api"] | None = None
    """What interrupted the avatar."""


class Transcript(_Event):
    """What the user says, as far as it is recognised; ``final`` once it is answered."""

    type: Literal["transcript"] = "transcript"
    turn: str = ""
    """Name of the turn; a transcript replaces earlier ones of the same turn, even a final one: the
    user may go on speaking before the answer is heard."""
    text: str
    final: bool = False


class PictureRate(_Event):
    """How often the picture changes from now on; less than usual where the server is too busy."""

    type: Literal["picture_rate"] = "picture_rate"
    fps: float


class SessionWarning(_Event):
    """The session is about to end, or no longer is."""

    type: Literal["warning"] = "warning"
    reason: Literal["idle", "maximum"]
    seconds: float | None = None
    """Seconds until the end; None: the session goes on because there was activity."""
    message: str
    """For people: what is about to happen and what to do."""


class ErrorEvent(_Event):
    """Something failed; the session goes on unless ``fatal``."""

    type: Literal["error"] = "error"
    code: str
    message: str
    """For people: what is wrong and what to do."""
    fatal: bool = False
    retry_after: float | None = None
    """Seconds after which the same request may be granted; None where trying again is no use."""


class Pong(_Event):
    type: Literal["pong"] = "pong"
    id: int


ServerEvent = Annotated[
    Ready
    | Speaking
    | Caption
    | ConversationState
    | Transcript
    | PictureRate
    | SessionWarning
    | ErrorEvent
    | Pong,
    Field(discriminator="type"),
]

PICTURE_SIZES: Final = (256, 512, 768)
PictureSize = Annotated[
    int, Field(ge=PICTURE_SIZES[0], le=PICTURE_SIZES[-1], multiple_of=PICTURE_SIZES[0])
]
"""Width and height of pictures in pixels: 256, 512 or 768."""

# --- the speech socket: a caller's own speech (WebSocket /v1/speech) -----------------------------


class Start(_Event):
    """First message: what the socket drives, and the form of the sound that follows."""

    type: Literal["start"] = "start"
    rate: Annotated[int, Field(ge=8_000, le=48_000)] = 24_000
    """Sample rate in Hz of the binary messages: mono PCM, s16le, in pieces of any length."""
    session: str | None = None
    """A running session to speak in; a session of its own if absent."""
    avatar: str | None = None
    size: PictureSize | None = None
    """Width of the pictures in pixels, as far as the server offers it; ``ready`` tells the size."""


class Speak(_Event):
    """Begin an utterance; sound without it begins one too."""

    type: Literal["speak"] = "speak"
    utterance: Annotated[str, Field(max_length=64)] | None = None


class SpeakEnd(_Event):
    """The utterance is complete."""

    type: Literal["speak_end"] = "speak_end"


class PlaybackStarted(_Event):
    type: Literal["playback_started"] = "playback_started"
    utterance: str


class PlaybackFinished(_Event):
    """Sent once per utterance, when its sound has been played or cut."""

    type: Literal["playback_finished"] = "playback_finished"
    utterance: str
    position_ms: int
    """How much of it was heard."""
    interrupted: bool


SocketEvent = Annotated[
    Start | Speak | SpeakEnd | Say | Interrupt | Converse | Chat | Express | Show | Stay | Ping,
    Field(discriminator="type"),
]

# --- signalling (SmallWebRTC form) ------------------------------------------------------------


class BotWishes(_Event):
    """What a client may choose about its session."""

    avatar: str | None = None
    """Name of the avatar; that of the persona or the server's default if absent."""
    persona: str | None = None
    """Who to talk to in the conversations of this session."""
    session: str | None = None
    """A running session to join; a session of its own if absent."""
    size: PictureSize | None = None
    """Width of the pictures in pixels, as far as the server offers it; ``ready`` tells the size."""


class BotRequest(_Event):
    """Body of ``POST /start``, which Pipecat's clients send before their offer."""

    body: BotWishes = BotWishes()


class Offer(BotWishes):
    """Body of ``POST /api/offer``."""

    sdp: Annotated[str, Field(min_length=1)]
    type: Literal["offer"]
    pc_id: str | None = None
    ticket: Annotated[str, Field(max_length=MAX_TICKET)] | None = None
    """Place in the line that an earlier refusal gave; see :class:`QueuePlace`."""
    request_data: Annotated[
        BotWishes | None, Field(validation_alias=AliasChoices("requestData", "request_data"))
    ] = None
    """Where Pipecat's clients put their wishes."""

    def wishing(self, wishes: BotWishes) -> Self:
        """The same offer, with ``wishes`` where it has none of its own."""
        own = self.model_dump(include=set(BotWishes.model_fields), exclude_none=True)
        return self.model_copy(update={**wishes.model_dump(exclude_none=True), **own})


class Answer(_Event):
    sdp: str
    type: Literal["answer"] = "answer"
    pc_id: str


class Candidate(_Event):
    candidate: str
    """An ICE candidate line; the empty string ends the candidates."""
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


class CandidatePatch(_Event):
    """Body of ``PATCH /api/offer``: trickled candidates."""

    pc_id: str
    candidates: Annotated[list[Candidate], Field(max_length=64)]


class QueuePlace(_Event):
    """A place in the line in front of a full server; kept by asking ``/api/queue/TICKET``."""

    ticket: str
    place: int
    """1 is next."""
    ready: bool
    """Whether it is this ticket's turn: make an offer with it within seconds."""


class Problem(_Event):
    """Body of every error answer of the HTTP API."""

    error: str
    """Short code for programs."""
    message: str
    """For people: what is wrong and what to do."""
    queue: QueuePlace | None = None
    """A place in line, where the server is full."""


# --- reading ----------------------------------------------------------------------------------

_CLIENT: Final[TypeAdapter[Any]] = TypeAdapter(ClientEvent)
_SOCKET: Final[TypeAdapter[Any]] = TypeAdapter(SocketEvent)
_SERVER: Final[TypeAdapter[Any]] = TypeAdapter(ServerEvent)


class ProtocolError(ValueError):
    """A message does not follow this file; the text says where."""


def _read(adapter: TypeAdapter[Any], message: str | bytes) -> Any:
    size = len(message.encode()) if isinstance(message, str) else len(message)
    if size > MAX_MESSAGE:
        raise ProtocolError(f"message of {size} bytes; at most {MAX_MESSAGE} are taken")
    try:
        return adapter.validate_json(message)
    except ValidationError as error:
        raise ProtocolError(explain(error)) from error


def read_client_event(message: str | bytes) -> ClientEvent:
    """Parse what a client sent; raises :class:`ProtocolError`."""
    event: ClientEvent = _read(_CLIENT, message)
    return event


def read_socket_event(message: str) -> SocketEvent:
    """Parse what a caller sent on the speech socket; raises :class:`ProtocolError`."""
    event: SocketEvent = _read(_SOCKET, message)
    return event


def read_server_event(message: str | bytes) -> ServerEvent:
    """Parse what a server sent; raises :class:`ProtocolError`."""
    event: ServerEvent = _read(_SERVER, message)
    return event


def explain(error: ValidationError) -> str:
    """One sentence that names the first field at fault and what is wrong with it."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "message"
    return f"{where}: {first['msg']}"
