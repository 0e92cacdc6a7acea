"""CPU and wall time of each stage of the pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Literal

Stage = Literal["motion", "render", "encode"]

_ASKED: Final = 16
"""CPU time is sampled in one of this many runs and scaled up: reading it is a system call, at which
a busy machine may suspend the thread, and with it the interpreter for all threads."""


@dataclass(slots=True)
class StageCost:
    runs: int = 0
    """Runs begun so far."""
    cpu_seconds: float = 0.0
    """Estimated from some of the runs."""
    wall_seconds: float = 0.0


@dataclass(slots=True)
class StageTimes:
    """Accumulates the cost of stages; threads may measure at the same time."""

    costs: dict[Stage, StageCost] = field(
        default_factory=lambda: {
            "motion": StageCost(),
            "render": StageCost(),
            "encode": StageCost(),
        }
    )
    observe: Callable[[Stage, float], None] | None = None
    """Called with every stage and its wall seconds, on the thread that ran it."""
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def measure(self, stage: Stage) -> Iterator[None]:
        """Charge the CPU time of this thread and the wall time inside the block to ``stage``."""
        cost = self.costs[stage]
        with self._lock:
            cost.runs += 1
            asked = cost.runs % _ASKED == 0
        cpu = time.thread_time() if asked else 0.0
        wall = time.perf_counter()
        try:
            yield
        finally:
            wall = time.perf_counter() - wall
            cpu = _ASKED * (time.thread_time() - cpu) if asked else 0.0
            with self._lock:
                cost.cpu_seconds += cpu
                cost.wall_seconds += wall
            if self.observe is not None:
                self.observe(stage, wall)
