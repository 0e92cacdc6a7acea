"""Waiting for what becomes true by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import httpx


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Return once ``true()`` is true; an awaitable that it returns is awaited.

    Raises TimeoutError after ``seconds``.
    """
    async with asyncio.timeout(seconds):
        while not (await found if isawaitable(found := true()) else found):
            await asyncio.sleep(0.02)


async def until_answer(
    http: httpx.AsyncClient, path: str, fits: Callable[[Any], object], seconds: float = 20.0
) -> None:
    """Return once ``fits(answer)`` is true of the JSON that ``path`` is answered with."""

    async def found() -> object:
        return fits((await http.get(path)).json())

    await until(found, seconds)


async def until_gone(server: httpx.AsyncClient | str) -> None:
    """Return once the server, given by its URL or by a client of it, has no session."""
    if isinstance(server, str):
        async with httpx.AsyncClient(base_url=server) as http:
            await until_gone(http)
    else:
        await until_answer(server, "/api/status", lambda status: status["sessions"] == 0)


def wait_until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """:func:`until` for tests that run no event loop."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.05)
