"""``avatar-server avatars``: the library of avatars on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

from avatar_server.console import fail
from avatar_server.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from avatar_server.making import Maker

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

app = typer.Typer()

NameArgument = Annotated[str, typer.Argument(help="Name of the avatar.")]


def _maker() -> Maker:
    from avatar_server.making import Maker, face_detector
    from renderer.library import Library

    settings = load_settings()
    return Maker(Library(settings.library), face_detector(settings), settings.max_avatars)


def _in_words(command: Callable[P, ResultT]) -> Callable[P, ResultT]:
    """Report what is wrong in one sentence."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        from renderer.contract import UnknownAvatarError, UnusableAvatarError
        from renderer.library import LibraryError
        from renderer.photo.detector import NoSingleFaceError
        from renderer.photo.picture import PictureError
        from renderer.photo.points import PointsError

        try:
            return command(*args, **kwargs)
        except (
            SettingsError,
            LibraryError,
            UnknownAvatarError,
            UnusableAvatarError,
            PictureError,
            NoSingleFaceError,
            PointsError,
        ) as error:
            raise fail(error) from error
        except OSError as error:
            place = error.filename or "the avatar could not be written"
            raise fail(LibraryError(f"{place}: {error.strerror}")) from error

    return told


@app.callback(invoke_without_command=True)
def without_command(context: typer.Context) -> None:
    """List, add, show, export and remove avatars; a running server notices."""
    if context.invoked_subcommand is None:
        list_all()


@app.command("list")
@_in_words
def list_all() -> None:
    """List the avatars."""
    library = _maker().library
    for entry in library.listed():
        origin = "ships with the server" if entry.built_in else "yours"
        typer.echo(f"{entry.name:20} {entry.title:24} {origin}")


@app.command()
@_in_words
def add(
    file: Annotated[Path, typer.Argument(help="JPEG, PNG or WebP picture, or .avatar file.")],
    name: Annotated[
        str | None, typer.Option(help="a-z, 0-9 and - [follows from the title].")
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Name as people read it [that of the file].")
    ] = None,
) -> None:
    """Make an avatar from a picture with one face, or add one from an .avatar file.

    Correct its keypoints in the studio of the page if it looks odd.
    """
    from avatar_server.making import MAX_TITLE, Order
    from renderer.parts import is_archive

    content = file.read_bytes()
    if title is None and name is None and not is_archive(content):
        # Names of files may hold bytes that are no text.
        stem = file.stem.encode(errors="replace").decode()
        title = stem.replace("-", " ").replace("_", " ").capitalize()[:MAX_TITLE]
    made = _maker().make(Order(content, name, title), lambda step: typer.echo(f"{step} …"))
    for remark in made.remarks:
        typer.secho(remark, fg=typer.colors.YELLOW)
    typer.echo(f"The avatar {made.name} is ready: avatar-server serve --avatar {made.name}")


@app.command()
@_in_words
def show(name: NameArgument) -> None:
    """Show what is known of an avatar."""
    from renderer.photo.points import points_named

    library = _maker().library
    portrait = library.portrait(name)
    typer.echo(f"title    {portrait.title}")
    typer.echo(f"picture  {portrait.picture}x{portrait.picture}")
    typer.echo(f"folder   {library.place(name)}")
    if portrait.source is not None:
        typer.echo("keypoints in pixels of its picture:")
        for key, (x, y) in points_named(portrait.source.points).items():
            typer.echo(f"  {key:17} {x:7.1f} {y:7.1f}")


@app.command()
@_in_words
def export(
    name: NameArgument,
    out: Annotated[Path | None, typer.Argument(help="File to write [NAME.avatar].")] = None,
) -> None:
    """Write an avatar to one .avatar file, for another machine."""
    path = out or Path(f"{name}.avatar")
    _maker().library.export(name, path)
    typer.echo(str(path))


@app.command()
@_in_words
def remove(name: NameArgument) -> None:
    """Remove one of your avatars."""
    _maker().library.delete(name)
    typer.echo(f"{name} is removed.")
