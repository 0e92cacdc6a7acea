"""The page, with the modules that it and other sites load."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import client

FOLDER: Final = Path(client.__file__).parent / "web"

_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}
"""Without it browsers keep a file for a tenth of its age, and run modules of two versions together
after an update of the server."""


def routes() -> list[BaseRoute]:
    """Routes at the root; the last one takes every path."""
    return [
        Route("/studio", _studio),
        Route("/selftest", _selftest),
        Mount("/", _Files(directory=FOLDER, html=True)),
    ]


class _Files(StaticFiles):
    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_ASK_AGAIN)
        return response


async def _studio(_: Request) -> Response:
    """On which avatars are made."""
    return FileResponse(FOLDER / "studio.html", headers=_ASK_AGAIN)


async def _selftest(_: Request) -> Response:
    return FileResponse(FOLDER / "selftest.html", headers=_ASK_AGAIN)
