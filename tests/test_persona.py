"""Persona documents: read, checked, named in errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_server.conversation.persona import PersonaError, read_persona


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_toml_document(tmp_path: Path) -> None:
    persona = read_persona(
        write(
            tmp_path,
            "a.toml",
            'name = "anna"\nvoice = "de"\nlanguage = "de"\ngreeting = "Grüß dich!"\n'
            'emotion = "happiness"\n[turns]\npatience = 0.3\nprotect_greeting = true\n',
        )
    )
    assert persona.greeting == "Grüß dich!"
    assert persona.turns.patience == 0.3
    assert persona.turns.protect_greeting
    assert persona.instructions, "what is not named has a default"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "name"),
        ('{"name": "Bad Name"}', "lower case"),
        ('{"name": "x", "emotion": "grumpy"}', "emotion"),
        ('{"name": "x", "turns": {"patience": -1}}', "turns.patience"),
        ('{"name": "x", "hobby": 1}', "hobby"),
        ("nonsense", "cannot be read"),
        ('"' + "x" * 70_000 + '"', "larger"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PersonaError, match=words):
        read_persona(write(tmp_path, "p.json", text))


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match="nobody"):
        read_persona(tmp_path / "nobody.toml")
