"""The command ``avatar-client``: a viewer without a screen."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client.load.plan import Scenario
from client.report import describe_load, describe_speech

if TYPE_CHECKING:  # importing it takes a second
    from client.load.result import Session

app = typer.Typer(
    help="A viewer without a screen for an avatar server: speaks, records, measures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

UrlOption = Annotated[str, typer.Option(help="Address of the server.", envvar="AVATAR_URL")]
TokenOption = Annotated[
    str | None, typer.Option(help="Bearer token of the server.", envvar="AVATAR_TOKEN")
]


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="What the avatar is to say.")],
    url: UrlOption = "http://127.0.0.1:8080",
    record: Annotated[
        Path | None, typer.Option(help="Write what is received to this MP4 file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    token: TokenOption = None,
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
    from streaming.protocol import MAX_TEXT

    if not 1 <= len(text) <= MAX_TEXT:
        raise _fail(f"TEXT has 1 to {MAX_TEXT} characters, not {len(text)}")
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
    typer.echo(json.dumps(asdict(report)) if as_json else describe_speech(report))


@app.command()
def load(
    sessions: Annotated[int, typer.Option(min=1, help="Viewers at the same time.")] = 4,
    seconds: Annotated[float, typer.Option(min=1, help="How long all of them stay.")] = 30.0,
    ramp: Annotated[float, typer.Option(min=0.01, help="Viewers that join per second.")] = 2.0,
    scenario: Annotated[Scenario, typer.Option(help="What each of them does.")] = Scenario.TALK,
    url: UrlOption = "http://127.0.0.1:8080",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report with charts here.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes for the viewers [one per core].")
    ] = None,
    watch_every: Annotated[
        int, typer.Option(min=1, help="One in this many viewers decodes the video.")
    ] = 8,
    token: TokenOption = None,
    avatar: Annotated[str | None, typer.Option(help="Name of the avatar.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Width of the pictures: 256, 512 or 768 [the server's].")
    ] = None,
    speech: Annotated[
        Path | None, typer.Option(help="Recording of speech for the scenario converse.")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(min=0, help="Seconds that a viewer waits in the queue of a full server."),
    ] = 0.0,
    min_fps: Annotated[
        float, typer.Option(help="Fail if any session's frame rate is below this.")
    ] = 24.0,
    max_audio_gaps: Annotated[
        int, typer.Option(help="Fail if all sessions together have more.")
    ] = 0,
    max_response_ms: Annotated[
        float | None,
        typer.Option(help="Fail if the 95th percentile from say to sound is above this."),
    ] = None,
    max_refused: Annotated[int, typer.Option(help="Fail if more sessions are refused.")] = 0,
) -> None:
    """Let many viewers use a server at once, and report what each of them gets.

    The exit status is 0 if all thresholds hold, 2 if one does not, 1 if the test itself failed.
    """
    from rich.console import Console

    from client.load.live import LiveTable
    from client.load.page import report_page
    from client.load.plan import LoadPlan
    from client.load.result import Second
    from client.load.run import LoadError, run_load
    from client.load.speech import read_speech
    from client.load.summary import Thresholds, summarise, timeline
    from streaming.protocol import PICTURE_SIZES

    if size not in (None, *PICTURE_SIZES):
        raise _fail(f"pictures are 256, 512 or 768 pixels wide, not {size}")
    if scenario is Scenario.CONVERSE:
        if speech is None or not speech.is_file():
            raise _fail("to converse, name a recording of speech with --speech FILE")
        try:
            read_speech(str(speech))
        except (OSError, ValueError) as error:
            raise _fail(f"{speech} cannot be used as speech: {error}") from error
    if html is not None and not html.parent.is_dir():
        raise _fail(f"there is no folder {html.parent} to write the report to")
    plan = LoadPlan(
        url=url,
        sessions=sessions,
        seconds=seconds,
        ramp=ramp,
        scenario=scenario,
        token=token,
        avatar=avatar,
        size=size,
        speech=None if speech is None else str(speech),
        watch_every=watch_every,
        wait=wait,
    )
    seen: list[Second] = []
    console = Console(stderr=True, quiet=as_json)
    try:
        with LiveTable(plan, console) as table:

            def report(item: Second | Session) -> None:
                table.update(item)
                if isinstance(item, Second):
                    seen.append(item)

            results = asyncio.run(run_load(plan, report, processes))
        summary = summarise(results)
        thresholds = Thresholds(min_fps, max_audio_gaps, max_response_ms, max_refused)
        broken = thresholds.broken(summary)
        if html is not None:
            page = report_page(plan, summary, timeline(seen, plan), results, broken)
            html.write_text(page, encoding="utf-8")
    except (LoadError, OSError) as error:
        raise _fail(str(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps({"summary": summary, "broken": broken}))
    else:
        typer.echo(describe_load(summary, results))
    for sentence in broken:
        typer.secho(sentence, err=True, fg=typer.colors.RED)
    if broken:
        raise typer.Exit(2)


def _fail(message: str) -> typer.Exit:
    typer.secho(f"avatar-client: {message}", err=True, fg=typer.colors.RED)
    return typer.Exit(1)


def main() -> None:
    app()
