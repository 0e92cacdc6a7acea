"""A thread for slow work on pictures, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

ResultT = TypeVar("ResultT")

_MAX_WAITING: Final = 4
"""Calls that run or wait; more are refused."""


class BusyError(RuntimeError):
    """Too many pictures are queued."""


class Bench:
    """Runs slow work on pictures off the event loop: one at a time, with a short queue."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="make")
        self._waiting = 0

    async def do(self, work: Callable[[], ResultT]) -> ResultT:
        """The result of ``work``; raises :class:`BusyError` rather than let many wait."""
        if self._waiting >= _MAX_WAITING:
            raise BusyError("other pictures are being worked on; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
