"""The engines that the settings name."""

from __future__ import annotations

import logging

from avatar_server.conversation.engines import load_engine, load_first
from avatar_server.conversation.personas import Personas
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
    voice = {"voice": settings.voice}
    # Built-in personas name voices of espeak-ng, which other engines do not know; a voice that
    # the operator sets overrides them too.
    chosen = "voice" in settings.model_fields_set or settings.tts[0] != "espeak"
    personas = Personas(
        settings.personas,
        defaults={**voice, "language": settings.language},
        overrides={**(voice if chosen else {}), "language": settings.language},
    )
    return Talking(personas, lambda: _load(settings))


def _load(settings: Settings) -> Engines:
    options = settings.engine_options
    asr, recogniser = load_first("asr", settings.asr, options)
    dialogue_name, dialogue = load_first("dialogue", settings.dialogue, options)
    log.info("conversations are heard by %s and answered by %s", asr, dialogue_name)
    return Engines(load_engine("vad", "silero"), recogniser, dialogue)
