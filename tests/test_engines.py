"""The engines by name: built-in ones, those of other packages, and wrong options."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from avatar_server.conversation.engines import (
    KINDS,
    EngineError,
    EngineUnavailableError,
    engine_names,
    load_engine,
    load_first,
)
from avatar_server.conversation.responder import Responder
from avatar_server.conversation.silero import SileroVad


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package that brings engines."""
    (tmp_path / "parrot.py").write_text(
        dedent(
            """
            from typing import Annotated
            from pydantic import Field

            class Parrot:
                def __init__(
                    self, words: Annotated[int, Field(ge=1)], loud: bool = False, **more: str
                ):
                    self.words, self.loud, self.more = words, loud, more

                async def answer(self, turns, instructions, language):
                    for word in turns[-1].text.split()[: self.words]:
                        yield word

                async def aclose(self):
                    pass
            """
        )
    )
    info = tmp_path / "parrot-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[avatar_server.dialogue]\nparrot = parrot:Parrot\ngone = parrot.away:Gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "parrot", raising=False)
    return "parrot"


def test_an_installed_package_adds_its_engine(package: str) -> None:
    assert engine_names("dialogue") == ("openai", "responder", "gone", "parrot")
    engine = load_engine("dialogue", package, {"words": "2", "loud": True, "colour": "green"})
    assert (engine.words, engine.loud, engine.more) == (2, True, {"colour": "green"})


def test_wrong_options_of_a_package_are_named(package: str) -> None:
    with pytest.raises(EngineError, match="'parrot' needs the option 'words'"):
        load_engine("dialogue", package)
    with pytest.raises(EngineError, match=r"option 'words': .*greater than or equal to 1"):
        load_engine("dialogue", package, {"words": 0})
    with pytest.raises(EngineError, match=r"'gone' of parrot cannot be loaded \(No module"):
        load_engine("dialogue", "gone")


def test_an_unknown_engine_is_told_with_the_choices() -> None:
    with pytest.raises(EngineError, match="no asr engine 'ear'; choose from: whisper, sphinx"):
        load_engine("asr", "ear")


def test_built_in_engines_are_made() -> None:
    assert {kind: bool(engine_names(kind)) for kind in KINDS} == dict.fromkeys(KINDS, True)
    assert isinstance(load_engine("vad", "silero"), SileroVad)
    assert load_engine("tts", "espeak").voices()[0] == "en-us"


def test_the_first_that_can_work_is_taken() -> None:
    name, engine = load_first("dialogue", ("openai", "responder"), {})
    assert name == "responder"
    assert isinstance(engine, Responder)
    options = {"openai": {"url": "http://127.0.0.1:9/v1"}}
    name, engine = load_first("dialogue", ("openai", "responder"), options)
    assert name == "openai"
    asyncio.run(engine.aclose())


def test_when_none_can_work_all_reasons_are_told() -> None:
    with pytest.raises(EngineUnavailableError, match="openai: no endpoint is set"):
        load_first("dialogue", ("openai",), {})
    with pytest.raises(EngineUnavailableError, match="no tts engine is named"):
        load_first("tts", (), {})
    with pytest.raises(EngineError, match="no option 'colour'"):
        load_first("dialogue", ("openai", "responder"), {"openai": {"colour": "red"}})
