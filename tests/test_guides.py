"""Every example of the guides runs as it stands, against a live server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_server.conversation.engines import load_engine
from avatar_server.settings import Settings
from tests.fakes import scripted_talking
from tests.live import live_server
from tests.test_docs import DOCS, blocks


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the recordings that examples read."""
    monkeypatch.chdir(tmp_path)
    time = np.arange(24_000) / 24_000
    tone = (0.5 * np.sin(2 * np.pi * 300 * time) * 32_767).astype("<i2")
    for name in ("question.wav", "speech.wav"):
        with wave.open(name, "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", "not compressed"))
            file.writeframes(tone.tobytes())
    return tmp_path


def run(example: str, url: str) -> dict[str, Any]:
    """Run an example as a program of its own; returns its names."""
    assert "127.0.0.1:8080" in example
    names: dict[str, Any] = {"__name__": "__main__"}
    example = example.replace("127.0.0.1:8080", url.removeprefix("http://"))
    exec(compile(example, "<guide>", "exec"), names)
    return names


def test_the_realtime_guide(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, spoken = blocks(DOCS / "realtime.md", "python")
    with live_server(scripted_talking(["what is this"])) as url:
        run(written, url)
        said = capsys.readouterr().out
        assert "watch it: /v1/whep?session=" in said
        assert "You said: What time is it?." in said
        assert said.endswith("completed\n")
        with wave.open("answer.wav") as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(1.2, abs=0.05)
        run(spoken, url)
        said = capsys.readouterr().out
        assert "you: what is this\n" in said
        assert "avatar: You said: what is this.\n" in said


def test_the_guide_to_raw_speech(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played, cut = blocks(DOCS / "speech.md", "python")
    with live_server() as url:
        run(played, url)
        said = capsys.readouterr().out
        assert "watch it: http://127.0.0.1" in said
        assert "'utterance': 'first', 'position_ms': 1000, 'interrupted': False" in said
        run(cut, url)
        assert "cut: True" in capsys.readouterr().out


def test_the_pipecat_guide(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pipecat", reason="pipecat-ai is not installed (pip install .[pipecat])")
    from pipecat.processors.filters.identity_filter import IdentityFilter

    class Transport:
        input = output = IdentityFilter

    placed, whole = blocks(DOCS / "pipecat.md", "python")
    with live_server() as url:
        pipeline = run(placed, url)["with_a_face"](Transport())
        assert "AvatarVideoService" in str(pipeline.processors)
        run(whole, url)
        assert int(capsys.readouterr().out.split()[0]) > 20, "a second is 25 pictures"


def test_the_commands_for_personas(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    [commands] = blocks(DOCS / "conversation.md", "sh")
    with live_server(scripted_talking(folder=tmp_path)) as url:
        commands = commands.replace("localhost:8080", url.removeprefix("http://"))
        commands = commands.replace('"ruth"', '"red"')  # a face that this server has
        shell = ["bash", "-ec", commands.replace("curl", "curl --fail --silent --show-error")]
        subprocess.run(shell, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == [], "the last one deletes what the first one made"


async def test_the_guide_to_own_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [module] = blocks(DOCS / "engines.md", "python")
    package, server = map(tomllib.loads, blocks(DOCS / "engines.md", "toml"))
    (tmp_path / "parrot.py").write_text(module)
    info = tmp_path / "parrot-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot\nVersion: 1.0\n")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in named.items())
        for group, named in package["project"]["entry-points"].items()
    )
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "parrot", raising=False)
    settings = Settings(**server)
    dialogue = load_engine("dialogue", settings.dialogue[0], settings.engine_options["parrot"])
    written = [piece async for piece in dialogue.answer([], "", "en")]
    assert "".join(written) == "I heard: nothing. "
    voice = load_engine("tts", settings.tts[0])
    assert settings.voice in voice.voices()
    chunks = [chunk async for chunk in voice.synthesize("one two", settings.voice)]
    assert [(c.words[0].start, c.words[0].end, len(c.pcm)) for c in chunks] == [
        (0, 3, 3_200),
        (4, 7, 3_200),
    ]
