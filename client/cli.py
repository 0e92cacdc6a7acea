"""The command ``avatar-client``: a viewer without a screen."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from client.say import SayReport

app = typer.Typer(
    help="A viewer without a screen for an avatar server: speaks, records, measures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def commands() -> None:
    """Keeps `say` a command of its own while it is the only one."""


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="What the avatar shall say.")],
    url: Annotated[
        str, typer.Option(help="Address of the server.", envvar="AVATAR_URL")
    ] = "http://127.0.0.1:8080",
    record: Annotated[
        Path | None, typer.Option(help="Write what is received to this MP4 file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    token: Annotated[
        str | None, typer.Option(help="Bearer token of the server.", envvar="AVATAR_TOKEN")
    ] = None,
    avatar: Annotated[str | None, typer.Option(help="Name of the avatar.")] = None,
    emotion: Annotated[str | None, typer.Option(help="Emotion to speak with.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that the speech may take.")] = 300.0,
) -> None:
    """Have the avatar say TEXT and report what a viewer gets.

    Times are measured from arriving packets. The A/V offset compares the movement of the mouth
    with the loudness of the sound; it needs some seconds of speech.
    """
    from client.http import ConnectError
    from client.say import SpeechError
    from client.say import say as run

    try:
        report = asyncio.run(
            run(
                url,
                text,
                token=token,
                avatar=avatar,
                emotion=emotion,
                record=record,
                timeout=timeout,
            )
        )
    except TimeoutError as error:
        raise _fail(f"the speech was not over within {timeout:g} s; see --timeout") from error
    except (ConnectError, SpeechError, OSError) as error:
        raise _fail(str(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    typer.echo(json.dumps(asdict(report)) if as_json else describe(report))


def describe(report: SayReport) -> str:
    """The report as lines for people."""
    lines = [
        ("avatar", report.avatar),
        ("connect to first picture", _with_unit(report.connect_to_first_frame_ms, "ms")),
        ("say to first sound", _with_unit(report.say_to_audio_ms, "ms")),
        ("say to open mouth", _with_unit(report.say_to_mouth_ms, "ms")),
        ("length of the speech", f"{report.speech_seconds:.1f} s"),
        ("pictures", f"{report.fps:.1f} per second, {report.freezes} freezes"),
        ("A/V offset, median", _with_unit(report.av_offset_ms_median, "ms (+: sound first)")),
        ("A/V offset, 95 % within", _with_unit(report.av_offset_ms_p95, "ms")),
    ]
    if report.recording is not None:
        lines.append(("recorded to", report.recording))
    return "\n".join(f"{name:<26}{value}" for name, value in lines)


def _with_unit(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value:.0f} {unit}"


def _fail(message: str) -> typer.Exit:
    typer.secho(f"avatar-client: {message}", err=True, fg=typer.colors.RED)
    return typer.Exit(1)


def main() -> None:
    app()
