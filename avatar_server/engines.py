"""The engines that the settings name."""

from __future__ import annotations

import logging

from avatar_server.conversation.engines import load_engine, load_first
from avatar_server.conversation.persona import DEFAULT_PERSONA, Persona, PersonaError, read_personas
from avatar_server.conversation.tts import TextToSpeech
from avatar_server.settings import Settings
from avatar_server.talk import Engines, Talking

log = logging.getLogger(__name__)


def speech_engine(settings: Settings) -> TextToSpeech:
    """The voice; raises :class:`~avatar_server.conversation.engines.EngineError`."""
    name, engine = load_first("tts", settings.tts, settings.engine_options)
    log.info("the voice is made by %s", name)
    made: TextToSpeech = engine
    return made


def built_in_talking(settings: Settings) -> Talking:
    """Personas and engines of ``settings``.

    Raises :class:`~avatar_server.conversation.persona.PersonaError` for a broken document.
    """
    return Talking(_personas(settings), lambda: _load(settings))


def _personas(settings: Settings) -> dict[str, Persona]:
    if settings.personas is None:
        persona = DEFAULT_PERSONA.model_copy(update={"voice": settings.voice})
        return {persona.name: persona}
    found = read_personas(settings.personas)
    if not found:
        raise PersonaError(f"there is no persona (.toml or .json) in {settings.personas}")
    return found


def _load(settings: Settings) -> Engines:
    options = settings.engine_options
    asr, recogniser = load_first("asr", settings.asr, options)
    dialogue_name, dialogue = load_first("dialogue", settings.dialogue, options)
    log.info("conversations are heard by %s and answered by %s", asr, dialogue_name)
    return Engines(load_engine("vad", "silero"), recogniser, dialogue)
