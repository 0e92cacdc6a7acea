"""A full disk: one clear sentence for what cannot be kept, and everything else goes on."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import torch
from typer.testing import CliRunner

from avatar_server.cli import app
from avatar_server.offline import MediaFileError, render_video
from benchmarks.server import running_server
from client.peer import Peer
from client.record import Recorder
from inference.weights import read_cache, write_cache
from motion.contract import Controls
from renderer.library import BUILT_IN
from renderer.parts import packed
from renderer.portrait import encoded, read_portrait
from streaming.protocol import Chat, ErrorEvent
from tests.disk import full_disk
from tests.fakes import ToneSpeech, flat_models
from tests.live import live_server

ZIP = {"Content-Type": "application/zip"}

PERSONA = {"name": "anna", "instructions": "Be brief."}


def avatar_file() -> bytes:
    return packed(encoded(read_portrait(BUILT_IN / "mira")))


def kept_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_the_server_says_what_it_could_not_keep_and_its_sessions_go_on(
    tmp_path: Path,
) -> None:
    settings = {"library": tmp_path / "avatars", "personas": tmp_path / "personas"}
    for folder in settings.values():
        folder.mkdir()
    with running_server("--max-sessions", "2", "--log-level", "info", **settings) as url:
        async with Peer.connect(url) as peer, httpx.AsyncClient(base_url=url, timeout=60) as http:
            process = (await http.get("/api/status")).json()["process"]

            async def keep() -> list[httpx.Response]:
                return [
                    await http.post("/v1/avatars?name=anna", content=avatar_file(), headers=ZIP),
                    await http.post("/v1/personas", json=PERSONA),
                ]

            with full_disk(process):
                for refused in await keep():
                    assert (refused.status_code, refused.json()["error"]) == (507, "disk_full")
                    assert "nothing was kept" in refused.json()["message"]
                # Its log, a file here, cannot be written either.
                peer.send(Chat(text="Hello?"))
                await peer.event(ErrorEvent)
                _, done = await peer.spoken(peer.say("Still here."))
                assert done.reason == "finished"
                async with Peer.connect(url) as another:
                    await another.first_frame()
            assert kept_in(tmp_path) == []
            assert [kept.status_code for kept in await keep()] == [201, 201]


async def test_a_recording_ends_and_what_it_records_does_not(tmp_path: Path) -> None:
    with live_server() as url:
        async with Peer.connect(url, history=2.0) as peer:
            await peer.first_frame()
            with (
                pytest.raises(OSError, match="File too large"),
                full_disk(room=2000),
                Recorder(peer, tmp_path / "out.mp4"),
            ):
                await peer.spoken(peer.say("one two three four five six seven eight"))
            await peer.spoken(peer.say("one"))


async def test_a_video_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    models, out = flat_models(), tmp_path / "out.mp4"
    speech = ToneSpeech().synthesize("one two three", "en-us")
    with full_disk(room=2000), pytest.raises(MediaFileError, match=r"out\.mp4 cannot be .* large"):
        await render_video(
            models, models.avatar("flat"), speech, out, Controls(), lambda seconds: None
        )
    assert kept_in(tmp_path) == []


def test_an_avatar_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_LIBRARY", str(tmp_path / "library"))
    file = tmp_path / "anna.avatar"
    file.write_bytes(avatar_file())
    with full_disk():
        result = CliRunner().invoke(app, ["avatars", "add", str(file), "--name", "anna"])
    assert result.exit_code == 1
    assert "could not be written: File too large" in result.output
    assert kept_in(tmp_path / "library") == []


def test_what_was_prepared_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "weights.safetensors"
    with full_disk(room=1000), pytest.raises(OSError, match=r"weights\.safetensors cannot"):
        write_cache(path, {"weight": torch.zeros(10_000)})
    assert kept_in(tmp_path) == []
    write_cache(path, {"weight": torch.ones(3)})
    assert read_cache(path)["weight"].sum() == 3
