"""Personas: who the avatar is in a conversation, apart from its looks."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from avatar_server.conversation.endpointing import EndpointPolicy
from avatar_server.conversation.turns import TurnPolicy
from motion.contract import Emotion
from streaming.protocol import explain

MAX_DOCUMENT: Final = 64_000
"""Bytes that a persona file may have."""


class PersonaError(ValueError):
    """A persona cannot be used; the message says what is wrong with it."""


class Persona(BaseModel):
    """A persona; every field but the name has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name by which it is chosen: lower case letters, digits, - and _."""
    title: Annotated[str, Field(max_length=100)] = ""
    """Name as people read it."""
    about: Annotated[str, Field(max_length=200)] = ""
    """A short description, shown where people choose a persona."""
    avatar: Annotated[str, Field(max_length=64)] | None = None
    """Avatar to show with it; any if absent."""
    voice: str = "en-us"
    language: str = "en"
    """Language of the speech it recognises."""
    instructions: Annotated[str, Field(max_length=32_000)] = (
        "You are a friendly assistant with a face and a voice. Answer in one to three short "
        "sentences of plain spoken language, without lists, markup or emoji."
    )
    """System prompt of the language model."""
    greeting: Annotated[str, Field(max_length=1_000)] = ""
    """What it says first; nothing if empty."""
    emotion: Emotion = "none"
    intensity: Annotated[float, Field(ge=0, le=1)] = 0.5
    turns: TurnPolicy = TurnPolicy()
    endpointing: EndpointPolicy = EndpointPolicy()

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise ValueError("use lower case letters, digits, - and _ only")
        return name


def read_persona(path: Path, defaults: Mapping[str, Any] | None = None) -> Persona:
    """Read a ``.toml`` or ``.json`` document; ``defaults`` are fields that it need not name.

    Raises :class:`PersonaError`.
    """
    try:
        if path.stat().st_size > MAX_DOCUMENT:
            raise PersonaError(f"{path} is larger than {MAX_DOCUMENT} bytes")
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        if isinstance(document, dict):
            document = {**(defaults or {}), **document}
        return Persona.model_validate(document)
    except FileNotFoundError as error:
        raise PersonaError(f"there is no persona file {path}") from error
    except ValidationError as error:
        raise PersonaError(f"{path}: {explain(error)}") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PersonaError(f"{path} cannot be read: {error}") from error
