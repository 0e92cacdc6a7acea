"""Settings: flags beat the environment, the environment beats the file, errors name the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_server.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_are_safe() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.port == 8080
    assert settings.token is None
    assert settings.allowed_origins == ()


def test_flags_beat_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my.toml"
    file.write_text('port = 1\nvoice = "de"\nmax_sessions = 3\n')
    monkeypatch.setenv("AVATAR_PORT", "2")
    monkeypatch.setenv("AVATAR_VOICE", "fr")
    settings = load_settings(file, port=3, voice=None)
    assert (settings.port, settings.voice, settings.max_sessions) == (3, "fr", 3)


def test_a_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "avatar.toml").write_text(
        'port = 9\n[[ice_servers]]\nurls = "turn:turn.example:3478"\n'
        'username = "u"\ncredential = "p"\n'
    )
    settings = load_settings()
    assert settings.port == 9
    assert settings.ice_servers[0].urls == "turn:turn.example:3478"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_TOKEN", "s3cret")
    settings = load_settings()
    assert "s3cret" not in repr(settings)
    assert settings.token is not None
    assert settings.token.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 70000", "port"),
        ("prot = 1", "prot"),
        ('log_level = "loud"', "log_level"),
        ("max_sessions = 0", "max_sessions"),
        ("port = ", "TOML"),
        ("video_bitrate = 1", "video_bitrate"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        load_settings(file)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TTS", "piper", r"\"tts\".* are JSON, such as"),
        ("TRUSTED_PROXIES", "10.0.0.0/8", r"\"trusted_proxies\".* are JSON"),
        ("TOKEN", "", "token: .* is empty"),
        ("TOKEN", "key\n", "token: .* white space"),
        ("TOKEN", "schlüssel", "token: .* ASCII"),
        ("TURN_SECRET", "", "turn_secret: .* is empty"),
    ],
)
def test_wrong_values_of_the_environment_are_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"AVATAR_{name}", value)
    with pytest.raises(SettingsError, match=words):
        load_settings()


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "avatar.toml").write_bytes(b'voice = "\xff"')
    with pytest.raises(SettingsError, match=r"avatar\.toml is not valid TOML"):
        load_settings()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_settings(tmp_path / "nowhere.toml")
