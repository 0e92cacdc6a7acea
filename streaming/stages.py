"""What each stage of the pipeline costs, as CPU seconds and wall seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

Stage = Literal["motion", "render", "encode"]


@dataclass(slots=True)
class StageCost:
    runs: int = 0
    cpu_seconds: float = 0.0
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
    """Gets every stage with its wall seconds; called on the thread that ran it."""
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def measure(self, stage: Stage) -> Iterator[None]:
        """Charge the CPU time of this thread and the wall time inside the block to ``stage``."""
        cpu, wall = time.thread_time(), time.perf_counter()
        try:
            yield
        finally:
            cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
            with self._lock:
                cost = self.costs[stage]
                cost.runs += 1
                cost.cpu_seconds += cpu
                cost.wall_seconds += wall
            if self.observe is not None:
                self.observe(stage, wall)
