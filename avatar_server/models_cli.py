"""``avatar-server models``: the published models on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avatar_server.console import fail
from avatar_server.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from avatar_server.model_store import ModelStore

app = typer.Typer(no_args_is_help=True)

DEFAULT_FOLDER = Path("published-models")


@app.callback()
def models() -> None:
    """Check, list, download and remove the published models (MoDA and LivePortrait)."""


def _store() -> ModelStore:
    from avatar_server.model_store import ModelStore

    return ModelStore(load_settings().model_store)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Folder with the published files, at any depth.")],
) -> None:
    """Check published files and convert them; the originals are not needed afterwards.

    Says which file, key or shape is wrong.
    """
    from inference.weights import CheckpointError

    try:
        made = _store().add(folder, lambda step: typer.echo(f"{step} …"))
    except (SettingsError, CheckpointError, OSError) as error:
        raise fail(error) from error
    typer.echo(f"All files are right: {made.folder} ({made.size() >> 20} MiB)")
    typer.echo(f"avatar-server serve --models {made.folder} --avatar photo.jpg")


@app.command("list")
def list_all() -> None:
    """List the sets that were added, where they lie and what they were made of."""
    try:
        sets = _store().sets()
    except SettingsError as error:
        raise fail(error) from error
    if not sets:
        typer.echo("No models were added yet: avatar-server models add FOLDER")
    for each in sets:
        typer.echo(f"{each.name}  {each.added}  {each.size() >> 20} MiB  of {each.source}")
        typer.echo(f"              {each.folder}")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Name in the list.")]) -> None:
    """Remove a set, and what was prepared with it."""
    try:
        _store().remove(name)
    except (SettingsError, LookupError, OSError) as error:
        raise fail(error) from error
    typer.echo(f"{name} is removed.")


@app.command()
def download(
    folder: Annotated[Path, typer.Argument(help="Folder to download to.")] = DEFAULT_FOLDER,
) -> None:
    """Download the published files from the Hugging Face hub (2.4 GB); mind their licences."""
    from avatar_server.hub import DownloadError
    from avatar_server.hub import download as fetch

    try:
        fetch(folder, lambda step: typer.echo(f"{step} …"))
    except DownloadError as error:
        raise fail(error) from error
    typer.echo(f"The files are in {folder}: avatar-server models add {folder}")
