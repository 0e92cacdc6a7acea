"""The command ``avatar-server``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from avatar_server import avatars_cli, models_cli
from avatar_server.console import fail
from avatar_server.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    help="A real-time conversational avatar server: speech in, a talking face out over WebRTC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(avatars_cli.app, name="avatars")
app.add_typer(models_cli.app, name="models")

ConfigOption = Annotated[
    Path | None, typer.Option(help="TOML file with settings [avatar.toml, if it exists].")
]
AvatarOption = Annotated[
    str | None, typer.Option(help="Name of the avatar, or a photo for the published models.")
]
ModelsOption = Annotated[
    Path | None, typer.Option(help="Folder of the published models [the embedded ones].")
]
VoiceOption = Annotated[str | None, typer.Option(help="Voice of the speech engine [en-us].")]


class UsageError(ValueError):
    """The command line asks for something that cannot be; the message says what to do."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port, 0 for any free one [8080].")] = None,
    avatar: AvatarOption = None,
    models: ModelsOption = None,
    voice: VoiceOption = None,
    token: Annotated[str | None, typer.Option(help="Bearer token that clients must send.")] = None,
    max_sessions: Annotated[
        int | None, typer.Option(help="Sessions at the same time; more are refused.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the sessions [1].")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error [info].")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Start the server and print its address.

    Every option can also be given as AVATAR_<NAME> in the environment or in the TOML file.
    docs/settings.md lists all settings.
    """
    from starlette.applications import Starlette

    from avatar_server.admission import Admission
    from avatar_server.app import create_app
    from avatar_server.conversation.engines import EngineError
    from avatar_server.conversation.persona import PersonaError
    from avatar_server.engines import built_in_talking, speech_engine
    from avatar_server.family import FamilyError, open_family
    from avatar_server.logs import set_up_logging
    from avatar_server.serve import ServeError
    from avatar_server.serve import serve as run
    from avatar_server.workers.front import create_front
    from renderer.contract import UnknownAvatarError, UnusableAvatarError

    try:
        settings = load_settings(
            config,
            host=host,
            port=port,
            avatar=avatar,
            models=models,
            voice=voice,
            token=token,
            max_sessions=max_sessions,
            workers=workers,
            log_level=log_level,
        )
        set_up_logging(settings.log_level, settings.log_format)
        # What cannot work is said now, by this process, even if workers will do the work.
        asked = settings.avatar
        settings, family = open_family(settings, _tell)
        engine, talking = speech_engine(settings), built_in_talking(settings)

        def make_app(admission: Admission) -> Starlette:
            if settings.workers == 1:
                return create_app(settings, family, engine, talking, admission)
            return create_front(settings.model_copy(update={"avatar": asked}), admission)

        run(
            settings,
            family,
            make_app,
            lambda url: typer.echo(f"The avatar is at {url}  (Ctrl-C stops it)"),
        )
    except (
        SettingsError,
        FamilyError,
        ServeError,
        UnknownAvatarError,
        UnusableAvatarError,
        PersonaError,
        EngineError,
    ) as error:
        raise fail(error) from error


@app.command()
def render(
    text: Annotated[str | None, typer.Option(help="Text to speak.")] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Recorded speech, in any format that FFmpeg reads.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Video file to write.")] = Path(
        "out.mp4"
    ),
    avatar: AvatarOption = None,
    models: ModelsOption = None,
    voice: VoiceOption = None,
    emotion: Annotated[str, typer.Option(help="Emotion of the face.")] = "none",
    intensity: Annotated[float, typer.Option(help="Strength of the emotion, 0 to 1.")] = 1.0,
    guidance: Annotated[
        float | None, typer.Option(help="Weight of the sound, 1 to 4 [what suits the models].")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed moves the head the same way.")] = 0,
    config: ConfigOption = None,
) -> None:
    """Render speech to a video file (H264 + AAC), faster than real time.

    The end of the output reports the length and the speed against real time.
    """
    import time

    from rich.progress import Progress, TextColumn

    from avatar_server.conversation.engines import EngineError
    from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError
    from avatar_server.engines import speech_engine
    from avatar_server.family import open_family
    from avatar_server.logs import set_up_logging
    from avatar_server.offline import MediaFileError, read_audio, render_video
    from motion.contract import Controls, emotion_named
    from renderer.contract import UnknownAvatarError

    def speech(settings: Settings) -> AsyncIterator[SpeechChunk]:
        if text is not None and audio is None:
            return speech_engine(settings).synthesize(text, settings.voice)
        if audio is not None and text is None:
            return read_audio(audio)
        raise UsageError("give either --text or --audio")

    try:
        settings = load_settings(config, avatar=avatar, models=models, voice=voice)
        controls = Controls(emotion_named(emotion), intensity, guidance, seed=seed)
        set_up_logging(settings.log_level, settings.log_format)
        settings, family = open_family(settings, _tell)
        shown = family.avatar(settings.avatar)
        started = time.perf_counter()
        with Progress(*Progress.get_default_columns()[:2], TextColumn("{task.fields[at]}")) as bar:
            task = bar.add_task("Rendering", total=None, at="")
            seconds = asyncio.run(
                render_video(
                    family,
                    shown,
                    speech(settings),
                    out,
                    controls,
                    lambda at: bar.update(task, at=f"{at:.1f} s"),
                )
            )
        took = time.perf_counter() - started
    except (
        SettingsError,
        UsageError,
        UnknownAvatarError,
        MediaFileError,
        EngineError,
        SpeechSynthesisError,
        ValueError,
    ) as error:
        raise fail(error) from error
    typer.echo(f"{out}: {seconds:.1f} s, {seconds / took:.2g} times as fast as real time")


@app.command()
def doctor(
    port: Annotated[int | None, typer.Option(help="Port to check [8080].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
    config: ConfigOption = None,
) -> None:
    """Check port, network, codecs, voice and speed; exit status 1 if there is a problem."""
    from avatar_server.conversation.engines import EngineError
    from avatar_server.doctor import examine
    from avatar_server.engines import speech_engine
    from avatar_server.family import FamilyError, open_family
    from renderer.contract import UnknownAvatarError, UnusableAvatarError

    colours = {
        "ok": typer.colors.GREEN,
        "warning": typer.colors.YELLOW,
        "problem": typer.colors.RED,
    }
    findings = []
    try:
        settings = load_settings(config, port=port)
        settings, family = open_family(settings, _tell)
        for finding in examine(settings, family, speech_engine(settings)):
            findings.append(finding)
            if not as_json:
                mark = typer.style(f"{finding.verdict:8}", fg=colours[finding.verdict])
                typer.echo(f"{mark} {finding.check}: {finding.message}")
    except (
        SettingsError,
        FamilyError,
        UnknownAvatarError,
        UnusableAvatarError,
        EngineError,
    ) as error:
        raise fail(error) from error
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings]))
    if any(finding.verdict == "problem" for finding in findings):
        raise typer.Exit(1)


def _tell(step: str) -> None:
    typer.echo(f"{step} …", err=True)


def main() -> None:
    app()
