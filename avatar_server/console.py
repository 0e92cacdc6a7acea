"""What the commands share."""

from __future__ import annotations

import typer


def fail(error: Exception) -> typer.Exit:
    """Say what is wrong on stderr and exit with status 1."""
    typer.secho(f"avatar-server: {error}", err=True, fg=typer.colors.RED)
    return typer.Exit(1)
