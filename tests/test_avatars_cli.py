"""``avatar-server avatars``: the whole life of an avatar on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from avatar_server.cli import app
from tests.test_portraits_photo import flattened
from tests.test_portraits_picture import encoded, gradient


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_LIBRARY", str(tmp_path / "library"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def avatars(*words: str) -> Result:
    return CliRunner().invoke(app, ["avatars", *words])


def test_add_list_show_export_remove(folder: Path) -> None:
    (folder / "my_face.jpg").write_bytes(encoded(".jpg", flattened("mira")[0]))
    added = avatars("add", "my_face.jpg")
    assert added.exit_code == 0, added.output
    assert "The avatar my-face is ready" in added.output
    listing = avatars().output
    assert [line.split()[0] for line in listing.splitlines()] == sorted(
        ["finn", "kofi", "mira", "my-face", "ruth"]
    )
    assert "My face" in listing
    assert "GAZE" in avatars("show", "my-face").output
    assert avatars("export", "my-face").output.strip() == "my-face.avatar"
    assert avatars("remove", "my-face").exit_code == 0
    assert "my-face" not in avatars("list").output
    assert avatars("add", "my-face.avatar", "--name", "again").exit_code == 0
    assert "again" in avatars("list").output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "missing.jpg"), "missing.jpg: No such file"),
        (("add", "flat.png"), "No face was found"),
        (("add", "flat.png", "--name", "mira"), "choose another name"),
        (("remove", "mira"), "ships with the server"),
        (("show", "nobody"), "there is no avatar 'nobody'"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    folder: Path, words: tuple[str, ...], expected: str
) -> None:
    (folder / "flat.png").write_bytes(encoded(".png", gradient()))
    result = avatars(*words)
    assert result.exit_code == 1
    assert expected in result.output
    assert "Traceback" not in result.output
