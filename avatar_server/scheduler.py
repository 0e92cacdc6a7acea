"""Runs the work of all sessions on a few threads, earliest deadline first, in batches.

Every item of work has a deadline. A free thread takes the most urgent item and batches it with
others of its kind, but never more than its share: while one thread works on a batch, the others
must not run dry. A thread that does not come back soon is replaced, so that nobody waits for
another's bad item.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from avatar_server.worker import WorkerThread

log = logging.getLogger(__name__)

ItemT = TypeVar("ItemT", contravariant=True)
ResultT = TypeVar("ResultT", covariant=True)
R = TypeVar("R")

WATCHDOG_SECONDS: Final = 10.0
"""A run that takes longer hangs: its items fail."""

STAND_IN_SECONDS: Final = 0.5
"""A run that takes longer loses its place to another thread; full batches take a tenth of that."""


class Work(Protocol[ItemT, ResultT]):
    """A kind of work that threads do, one batch at a time."""

    name: str
    batch: int
    """Most items that are done together."""

    def run(self, items: Sequence[ItemT]) -> Sequence[ResultT]:
        """One result for each item; called on any thread."""


class WorkHungError(RuntimeError):
    """A run did not return in time; its items are given up."""


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    deadline: float
    number: int
    item: Any = field(compare=False)
    done: asyncio.Future[Any] = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception


class Scheduler:
    """Use as an async context manager; submit from its event loop only.

    Deadlines are times of the loop's clock. Items cancelled before their turn are never run.
    """

    def __init__(
        self,
        threads: int,
        watchdog_seconds: float = WATCHDOG_SECONDS,
        stand_in_seconds: float | None = STAND_IN_SECONDS,
    ) -> None:
        """``stand_in_seconds`` is None where a long run must not be joined by another."""
        self._threads = threads
        self._watchdog_seconds = watchdog_seconds
        self._stand_in_seconds = stand_in_seconds
        self._waiting: dict[Work[Any, Any], list[_Entry]] = {}
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._servers: set[asyncio.Task[None]] = set()
        self.busy_seconds = 0.0
        """Wall time that threads have spent working."""
        self.hangs = 0
        """Runs that the watchdog gave up."""

    async def __aenter__(self) -> Self:
        for _ in range(self._threads):
            self._start_server()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        servers = tuple(self._servers)
        for server in servers:
            server.cancel()
        await asyncio.gather(*servers, return_exceptions=True)
        for entries in self._waiting.values():
            for entry in entries:
                entry.done.cancel()
        self._waiting.clear()

    @property
    def threads(self) -> int:
        return self._threads

    @property
    def waiting(self) -> int:
        """Items that no thread has taken yet."""
        return sum(len(entries) for entries in self._waiting.values())

    def submit(self, work: Work[Any, R], item: object, deadline: float) -> asyncio.Future[R]:
        """The result of ``work`` on ``item``, as a future.

        It fails with what the work raised, or with :class:`WorkHungError`.
        """
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        entry = _Entry(deadline, next(self._numbers), item, done)
        heapq.heappush(self._waiting.setdefault(work, []), entry)
        self._wake.set()
        return done

    def _start_server(self) -> None:
        server = asyncio.create_task(self._serve(), name="animate")
        self._servers.add(server)
        server.add_done_callback(self._servers.discard)

    async def _serve(self) -> None:
        """Run batches on a thread for as long as it has a place."""
        thread = WorkerThread("animate")
        try:
            placed = True
            while placed:
                batch = self._take()
                if batch is None:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                placed = await self._run_batch(thread, *batch)
                # Let the waiting tasks run first: they may cancel other items.
                await asyncio.sleep(0)
        finally:
            thread.close()

    async def _run_batch(
        self, thread: WorkerThread, work: Work[Any, Any], entries: list[_Entry]
    ) -> bool:
        """Settle ``entries``; returns whether ``thread`` still has its place."""
        placed = True

        def lose_place() -> None:
            nonlocal placed
            placed = False
            self._start_server()

        stand_in = None
        if self._stand_in_seconds is not None:
            loop = asyncio.get_running_loop()
            stand_in = loop.call_later(self._stand_in_seconds, lose_place)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._watchdog_seconds):
                results = await thread.run(lambda: _run(work, [entry.item for entry in entries]))
        except TimeoutError:
            log.error("%s hangs: giving up %d items", work.name, len(entries))
            self.hangs += 1
            if placed:
                lose_place()
            results = [_Failure(WorkHungError(f"{work.name} does not answer"))] * len(entries)
        finally:
            if stand_in is not None:
                stand_in.cancel()
        self.busy_seconds += time.perf_counter() - began
        for entry, result in zip(entries, results, strict=True):
            _settle(entry.done, result)
        return placed

    def _take(self) -> tuple[Work[Any, Any], list[_Entry]] | None:
        """The most urgent work and its share of the items that wait."""
        for entries in self._waiting.values():
            while entries and entries[0].done.cancelled():
                heapq.heappop(entries)
        ready = [work for work, entries in self._waiting.items() if entries]
        if not ready:
            return None
        work = min(ready, key=lambda work: self._waiting[work][0])
        entries = self._waiting[work]
        share = min(work.batch, -(-len(entries) // self._threads))
        taken: list[_Entry] = []
        while entries and len(taken) < share:
            entry = heapq.heappop(entries)
            if not entry.done.cancelled():
                taken.append(entry)
        return work, taken


def _run(work: Work[Any, Any], items: Sequence[Any]) -> Sequence[Any]:
    """Results or failures; where a batch fails, its items are tried alone to spare the others."""
    try:
        return work.run(items)
    except Exception as error:
        if len(items) == 1:
            return [_Failure(error)]
        return [_run(work, [item])[0] for item in items]


def _settle(done: asyncio.Future[Any], result: object) -> None:
    if done.done():
        return
    if isinstance(result, _Failure):
        done.set_exception(result.error)
    else:
        done.set_result(result)
