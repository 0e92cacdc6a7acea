"""Runs a load test: spreads its viewers over processes and collects what they report."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Final

from client.load.plan import LoadPlan, WorkerPlan
from client.load.result import REPORT, Second, Session

_STARTING: Final = 60.0
"""Seconds within which all processes must have started."""

_ENDING: Final = 30.0
"""Seconds after the end of the test within which every session must have been reported."""


class LoadError(RuntimeError):
    """A process of the load test failed; the message says how."""


def processes_for(sessions: int) -> int:
    """One process per core, but no more than one per four viewers."""
    return max(1, min(os.cpu_count() or 1, sessions // 4))


async def run_load(
    plan: LoadPlan, report: Callable[[Second | Session], None], processes: int | None = None
) -> list[Session]:
    """Run ``plan``; ``report`` gets everything as it happens.

    Returns every viewer's session in order. Raises :class:`LoadError` when a process fails.
    """
    count = processes or processes_for(plan.sessions)
    sessions: dict[int, Session] = {}

    def on_report(item: Second | Session) -> None:
        if isinstance(item, Session):
            sessions[item.viewer] = item
        report(item)

    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "client.load.worker", stdin=PIPE, stdout=PIPE
        )
        for _ in range(count)
    ]
    try:
        async with asyncio.timeout(_STARTING):
            for worker in workers:
                await _started(worker)
        begin = time.monotonic()
        async with asyncio.timeout(plan.end + _ENDING), asyncio.TaskGroup() as group:
            for number, worker in enumerate(workers):
                viewers = tuple(range(number, plan.sessions, count))
                part = WorkerPlan(plan=plan, begin=begin, viewers=viewers)
                group.create_task(_follow(worker, part, on_report))
    except TimeoutError as error:
        raise LoadError("a process of the load test did not start or end in time") from error
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
    return [sessions[viewer] for viewer in sorted(sessions)]


async def _started(worker: Process) -> None:
    assert worker.stdout is not None
    if not await worker.stdout.readline():
        await worker.wait()
        raise _failure(worker)


async def _follow(
    worker: Process, part: WorkerPlan, on_report: Callable[[Second | Session], None]
) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(part.model_dump_json().encode())
    worker.stdin.close()
    async for line in worker.stdout:
        on_report(REPORT.validate_json(line))
    if await worker.wait() != 0:
        raise _failure(worker)


def _failure(worker: Process) -> LoadError:
    return LoadError(
        f"a process of the load test ended with status {worker.returncode}; its error is above"
    )
