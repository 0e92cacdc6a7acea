"""The events that a client of the Realtime protocol may send.

Both the current form and that of the beta (flat ``voice``, ``turn_detection``,
``input_audio_format`` and so on) are read; the table in ``docs/realtime.md`` lists what is
supported.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from motion.contract import Emotion
from streaming.protocol import explain

RATE: Final = 24_000
"""Sample rate in Hz of the protocol's sound, both ways: mono s16le."""

MAX_MESSAGE: Final = 2_000_000
"""Characters of one message: half a minute of sound."""

MAX_ID: Final = 128
MAX_EVENT_ID: Final = 512

PCM: Final = {"type": "audio/pcm", "rate": RATE}


class RealtimeError(ValueError):
    """An event cannot be carried out; the client is told why, and the session goes on."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Instructions = Annotated[str, Field(max_length=32_000)]


# --- settings of a session ----------------------------------------------------------------------


class ServerVad(_Model):
    """A turn ends with silence; a voice interrupts at once."""

    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    silence_duration_ms: Annotated[int, Field(ge=0, le=10_000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(_Model):
    """A turn ends when its words look complete; a "mhm" does not interrupt."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class PcmFormat(_Model):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24_000] = RATE


class Transcription(_Model):
    language: Annotated[str, Field(max_length=16)] | None = None


class VoiceId(_Model):
    id: Annotated[str, Field(max_length=MAX_ID)]


class AudioInputSettings(_Model):
    format: PcmFormat | None = None
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = None


class AudioOutputSettings(_Model):
    format: PcmFormat | None = None
    voice: Annotated[str, Field(max_length=MAX_ID)] | VoiceId | None = None


class AudioSettings(_Model):
    input: AudioInputSettings = AudioInputSettings()
    output: AudioOutputSettings = AudioOutputSettings()


class AvatarSettings(_Model):
    """This server's extension: the avatar that is shown."""

    persona: Annotated[str, Field(max_length=64)] | None = None
    name: Annotated[str, Field(max_length=64)] | None = None
    """The avatar that is shown."""
    emotion: Emotion | None = None
    intensity: Annotated[float, Field(ge=0, le=1)] = 1.0


_Nothing = Annotated[list[Any], Field(max_length=0)]


class SessionSettings(_Model):
    """A change of the session; what is absent stays."""

    type: Literal["realtime"] = "realtime"
    instructions: Instructions | None = None
    output_modalities: list[Literal["audio"]] | None = None
    tools: _Nothing | None = None
    audio: AudioSettings = AudioSettings()
    avatar: AvatarSettings = AvatarSettings()

    @model_validator(mode="before")
    @classmethod
    def _read_beta(cls, given: Any) -> Any:
        return _with_present_names(given) if isinstance(given, dict) else given

    @property
    def has_turn_detection(self) -> bool:
        """Whether turn detection is set, perhaps to none."""
        return "turn_detection" in self.audio.input.model_fields_set


_BETA_INPUT: Final = {
    "turn_detection": "turn_detection",
    "input_audio_format": "format",
    "input_audio_transcription": "transcription",
}
_BETA_OUTPUT: Final = {"voice": "voice", "output_audio_format": "format"}


def _with_present_names(given: dict[str, Any]) -> dict[str, Any]:
    """A session object with the beta's names replaced by the current ones."""
    session = dict(given)
    for side, names in (("input", _BETA_INPUT), ("output", _BETA_OUTPUT)):
        moved = {new: session.pop(old) for old, new in names.items() if old in session}
        if moved.get("format") == "pcm16":
            moved["format"] = PCM
        audio = session.get("audio", {})
        if moved and isinstance(audio, dict) and isinstance(audio.get(side, {}), dict):
            session["audio"] = {**audio, side: {**moved, **audio.get(side, {})}}
    modalities = session.pop("modalities", None)
    if isinstance(modalities, list):
        # The beta's ["text", "audio"] is now ["audio"]: a transcript comes with the sound.
        both = [mode for mode in modalities if not (mode == "text" and "audio" in modalities)]
        session.setdefault("output_modalities", both)
    return session


# --- items of the conversation ------------------------------------------------------------------


class TextPart(_Model):
    """Content of a message."""

    type: Literal["input_text", "output_text", "text"]
    text: Annotated[str, Field(min_length=1, max_length=32_000)]


class Message(_Model):
    type: Literal["message"] = "message"
    id: Id | None = None
    role: Literal["user", "assistant", "system"]
    content: Annotated[list[TextPart], Field(min_length=1, max_length=32)]

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.content)


# --- events -------------------------------------------------------------------------------------


class _Event(_Model):
    event_id: Annotated[str, Field(max_length=MAX_EVENT_ID)] | None = None


class SessionUpdate(_Event):
    type: Literal["session.update"]
    session: SessionSettings


class BufferAppend(_Event):
    type: Literal["input_audio_buffer.append"]
    audio: str


class BufferCommit(_Event):
    type: Literal["input_audio_buffer.commit"]


class BufferClear(_Event):
    type: Literal["input_audio_buffer.clear"]


class ItemCreate(_Event):
    type: Literal["conversation.item.create"]
    item: Message
    previous_item_id: Id | None = None


class ItemRetrieve(_Event):
    type: Literal["conversation.item.retrieve"]
    item_id: Id


class ItemTruncate(_Event):
    type: Literal["conversation.item.truncate"]
    item_id: Id
    content_index: Literal[0] = 0
    audio_end_ms: Annotated[int, Field(ge=0)]


class ItemDelete(_Event):
    type: Literal["conversation.item.delete"]
    item_id: Id


class ResponseSettings(_Model):
    instructions: Instructions | None = None
    output_modalities: list[Literal["audio"]] | None = None
    conversation: Literal["auto"] = "auto"
    input: _Nothing | None = None
    tools: _Nothing | None = None
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_beta(cls, given: Any) -> Any:
        return _with_present_names(given) if isinstance(given, dict) else given


class ResponseCreate(_Event):
    type: Literal["response.create"]
    response: ResponseSettings = ResponseSettings()


class ResponseCancel(_Event):
    type: Literal["response.cancel"]
    response_id: Id | None = None


class OutputClear(_Event):
    type: Literal["output_audio_buffer.clear"]


ClientEvent = Annotated[
    SessionUpdate
    | BufferAppend
    | BufferCommit
    | BufferClear
    | ItemCreate
    | ItemRetrieve
    | ItemTruncate
    | ItemDelete
    | ResponseCreate
    | ResponseCancel
    | OutputClear,
    Field(discriminator="type"),
]

_CLIENT: Final[TypeAdapter[Any]] = TypeAdapter(ClientEvent)


def read_event(message: str) -> ClientEvent:
    """Parse what a client sent; raises :class:`RealtimeError`."""
    if len(message) > MAX_MESSAGE:
        raise RealtimeError(
            "message_too_long",
            f"a message of {len(message)} characters; send at most {MAX_MESSAGE} at a time",
        )
    try:
        event: ClientEvent = _CLIENT.validate_json(message)
    except ValidationError as error:
        raise _explained(error) from error
    return event


def _explained(error: ValidationError) -> RealtimeError:
    first = error.errors(include_url=False, include_input=False)[0]
    # The first part names the kind of event, which the client knows.
    path = [str(part) for part in first["loc"]]
    codes = {"missing": "missing_required_parameter", "json_invalid": "invalid_json"}
    param = ".".join(path[1:]) or ("type" if first["type"].startswith("union_tag") else None)
    return RealtimeError(codes.get(first["type"], "invalid_value"), explain(error), param)


def event_id_of(message: str) -> str | None:
    """The ``event_id`` of a message that may be malformed; None if it has none."""
    try:
        given = json.loads(message)
    except (ValueError, RecursionError):
        return None
    named = given.get("event_id") if isinstance(given, dict) else None
    return named if isinstance(named, str) and len(named) <= MAX_EVENT_ID else None
