"""The command ``avatar-server``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avatar_server.settings import SettingsError, load_settings

app = typer.Typer(
    help="A real-time conversational avatar server: speech in, a talking face out over WebRTC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def fail(error: Exception) -> typer.Exit:
    """Say what is wrong on stderr and exit with status 1."""
    typer.secho(f"avatar-server: {error}", err=True, fg=typer.colors.RED)
    return typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port, 0 for any free one [8080].")] = None,
    avatar: Annotated[str | None, typer.Option(help="Avatar for clients that name none.")] = None,
    voice: Annotated[str | None, typer.Option(help="Voice of the speech engine [en-us].")] = None,
    token: Annotated[str | None, typer.Option(help="Bearer token that clients must send.")] = None,
    max_sessions: Annotated[
        int | None, typer.Option(help="Sessions at the same time; more are refused.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error [info].")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings [avatar.toml, if it exists].")
    ] = None,
) -> None:
    """Start the server and print its address.

    Every option can also be given as AVATAR_<NAME> in the environment or in the TOML file;
    those hold further settings too: video_bitrate, connect_timeout, threads, ice_servers.
    """
    from avatar_server.conversation.espeak import EspeakTextToSpeech
    from avatar_server.embedded import embedded_models
    from avatar_server.models import UnknownAvatarError
    from avatar_server.serve import ServeError
    from avatar_server.serve import serve as run

    try:
        settings = load_settings(
            config,
            host=host,
            port=port,
            avatar=avatar,
            voice=voice,
            token=token,
            max_sessions=max_sessions,
            log_level=log_level,
        )
        run(
            settings,
            embedded_models(),
            EspeakTextToSpeech(),
            lambda url: typer.echo(f"The avatar is at {url}  (Ctrl-C stops it)"),
        )
    except (SettingsError, ServeError, UnknownAvatarError) as error:
        raise fail(error) from error


def main() -> None:
    app()
