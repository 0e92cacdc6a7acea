"""The session settings of a Realtime client: changes to the persona that it talks to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from avatar_server.conversation.persona import Persona
from avatar_server.realtime.events import (
    PCM,
    RealtimeError,
    SemanticVad,
    ServerVad,
    SessionSettings,
    VoiceId,
)

FOREIGN_VOICES: Final = frozenset(
    "alloy ash ballad cedar coral echo marin sage shimmer verse".split()
)
"""OpenAI's voices, which clients send by default; the persona's own voice is used instead."""

SERVER_VAD: Final = ServerVad()
"""The default turn detection."""

_EAGERNESS: Final = {"low": 2.0, "medium": 1.0, "auto": 1.0, "high": 0.5}
"""Factor on the persona's patience before a turn ends."""


@dataclass(frozen=True, slots=True)
class RealtimeSettings:
    """The settings in effect: a persona, and what the client has changed about it."""

    base: Persona
    turn_detection: ServerVad | SemanticVad | None = SERVER_VAD
    """None: the client says when a turn is over."""
    instructions: str | None = None
    voice: str | None = None
    language: str | None = None

    def changed(
        self, change: SessionSettings, personas: Mapping[str, Persona], voices: Collection[str]
    ) -> RealtimeSettings:
        """The settings after ``change``; raises :class:`RealtimeError` if it is not possible."""
        audio = change.audio
        return replace(
            self,
            base=self._persona(change.avatar.persona, personas),
            turn_detection=(
                audio.input.turn_detection if change.has_turn_detection else self.turn_detection
            ),
            instructions=_either(change.instructions, self.instructions),
            voice=_either(_voice(audio.output.voice, voices), self.voice),
            language=_either(
                audio.input.transcription.language if audio.input.transcription else None,
                self.language,
            ),
        )

    def _persona(self, name: str | None, personas: Mapping[str, Persona]) -> Persona:
        if name is None:
            return self.base
        if name not in personas:
            raise RealtimeError(
                "unknown_persona",
                f"there is no persona {name!r}; choose from: {', '.join(personas)}",
                "session.avatar.persona",
            )
        return personas[name]

    def persona(self, notes: tuple[str, ...] = ()) -> Persona:
        """The persona with these settings; ``notes`` are appended to its instructions."""
        base = self.base
        turns, endpointing = base.turns, base.endpointing
        match self.turn_detection:
            case ServerVad() as vad:
                # Clients stop their own playback as soon as they hear of speech.
                turns = turns.model_copy(update={"backchannel_seconds": 0.0})
                if vad.silence_duration_ms is not None:
                    silence = vad.silence_duration_ms / 1000
                    patience = {"patience": silence, "patience_unfinished": silence}
                    turns = turns.model_copy(update=patience)
                    shorter = min(endpointing.min_silence, silence)
                    endpointing = endpointing.model_copy(update={"min_silence": shorter})
                if vad.threshold is not None:
                    threshold = min(max(vad.threshold, 0.01), 0.99)
                    levels = {
                        "threshold": threshold,
                        "release": min(endpointing.release, threshold),
                    }
                    endpointing = endpointing.model_copy(update=levels)
            case SemanticVad() as vad:
                factor = _EAGERNESS[vad.eagerness]
                patience = {
                    "patience": turns.patience * factor,
                    "patience_unfinished": turns.patience_unfinished * factor,
                }
                turns = turns.model_copy(update=patience)
        if self.turn_detection is not None:
            update = {
                "answers": self.turn_detection.create_response,
                "barge_in": turns.barge_in and self.turn_detection.interrupt_response,
            }
            turns = turns.model_copy(update=update)
        return base.model_copy(
            update={
                "turns": turns,
                "endpointing": endpointing,
                "instructions": "\n\n".join(
                    (_either(self.instructions, base.instructions), *notes)
                ),
                "voice": _either(self.voice, base.voice),
                "language": _either(self.language, base.language),
            }
        )

    def describe(self) -> dict[str, Any]:
        """The session object of the protocol, without this server's extensions."""
        persona = self.persona()
        detection: dict[str, Any] | None = None
        if self.turn_detection is not None:
            detection = self.turn_detection.model_dump()
            if isinstance(self.turn_detection, ServerVad):
                detection["threshold"] = persona.endpointing.threshold
                detection["silence_duration_ms"] = round(persona.turns.patience * 1000)
                detection["prefix_padding_ms"] = 500
        return {
            "type": "realtime",
            "object": "realtime.session",
            "model": self.base.name,
            "output_modalities": ["audio"],
            "instructions": persona.instructions,
            "tools": [],
            "tool_choice": "none",
            "max_output_tokens": "inf",
            "audio": {
                "input": {
                    "format": PCM,
                    "noise_reduction": None,
                    "transcription": {"language": persona.language},
                    "turn_detection": detection,
                },
                "output": {"format": PCM, "voice": persona.voice, "speed": 1.0},
            },
        }


def _either(new: str | None, old: str | None) -> Any:
    return old if new is None else new


def _voice(wanted: str | VoiceId | None, voices: Collection[str]) -> str | None:
    name = wanted.id if isinstance(wanted, VoiceId) else wanted
    if name is None or name in voices:
        return name
    if name in FOREIGN_VOICES:
        return None
    some = ", ".join(sorted(voices)[:8]) + (" and more" if len(voices) > 8 else "")
    raise RealtimeError(
        "unknown_voice",
        f"there is no voice {name!r}; the voices are {some}",
        "session.audio.output.voice",
    )
