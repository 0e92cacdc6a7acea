"""A process that runs some viewers of a load test.

    python -m client.load.worker < PLAN

Writes an empty line once it can begin, reads a :class:`client.load.plan.WorkerPlan` as JSON and
writes one :data:`client.load.result.Report` per line.
"""

from __future__ import annotations

import asyncio
import sys

from client.load.plan import WorkerPlan
from client.load.result import Second, Session
from client.load.viewer import Viewer

try:
    from uvloop import Loop as EventLoop
except ImportError:  # uvloop does not support Windows
    from asyncio import SelectorEventLoop as EventLoop  # type: ignore[assignment]


def write(report: Second | Session) -> None:
    sys.stdout.write(report.model_dump_json() + "\n")
    sys.stdout.flush()


async def run(part: WorkerPlan) -> None:
    """Report every viewer's seconds, and its session as soon as it is over."""
    async with asyncio.TaskGroup() as group:
        for number in part.viewers:
            viewer = Viewer(part.plan, number, part.begin, write)
            group.create_task(viewer.run()).add_done_callback(_write_session)


def _write_session(task: asyncio.Task[Session]) -> None:
    if not task.cancelled() and task.exception() is None:
        write(task.result())


if __name__ == "__main__":
    sys.stdout.write("\n")
    sys.stdout.flush()
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(run(WorkerPlan.model_validate_json(sys.stdin.read())))
