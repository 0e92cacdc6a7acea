"""A thread that runs one call at a time and can be abandoned when a call never returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class WorkerThread:
    """Use :meth:`run` from one event loop; a daemon, so an abandoned one ends with the process.

    Threads of :mod:`concurrent.futures` do not: the interpreter waits for each of them at exit.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, call: Callable[[], T]) -> T:
        """The result of ``call`` on the thread. Cancelling it leaves the call running."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(set_: Callable[[Any], None], value: object) -> None:
            if not done.done():
                set_(value)

        def work() -> None:
            try:
                result = call()
            except BaseException as error:
                loop.call_soon_threadsafe(settle, done.set_exception, error)
            else:
                loop.call_soon_threadsafe(settle, done.set_result, result)

        self._calls.put(work)
        return await done

    def close(self) -> None:
        """End the thread after the running call; does not wait."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except RuntimeError:
                # The loop was closed while an abandoned call ran; nobody waits for its result.
                return
