"""The examples in the documents work as they stand."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from avatar_server.conversation.persona import Persona
from avatar_server.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"
README = DOCS.parent / "README.md"


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.DOTALL)


def test_settings_and_personas_of_the_conversation_page() -> None:
    settings, persona = map(tomllib.loads, blocks(DOCS / "conversation.md", "toml"))
    assert Settings(**settings).engine_options["openai"]["model"] == "llama3.2"
    assert Persona.model_validate(persona).turns.protect_greeting


def test_all_settings_are_listed() -> None:
    page = (DOCS / "settings.md").read_text()
    listed = [line for line in page.splitlines() if line.startswith("| `")]
    assert listed == [
        f"| `{name}` | {shown_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]


def shown_default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default in (None, (), {}):
        return ""
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{json.dumps(default)}`"


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
