"""What stages cost."""

from __future__ import annotations

import time

import pytest

from streaming.stages import Stage, StageTimes


def work(*, fail: bool = False) -> None:
    for _ in range(20_000):
        pass
    if fail:
        raise ValueError("no")


def test_the_cpu_time_of_some_runs_stands_for_all() -> None:
    seen: list[tuple[Stage, float]] = []
    stages = StageTimes(observe=lambda stage, seconds: seen.append((stage, seconds)))
    began = time.thread_time()
    for _ in range(320):
        with stages.measure("render"):
            work()
    spent = time.thread_time() - began
    cost = stages.costs["render"]
    assert cost.runs == len(seen) == 320
    assert cost.cpu_seconds == pytest.approx(spent, rel=0.3)
    assert cost.wall_seconds == pytest.approx(sum(seconds for _, seconds in seen))
    assert stages.costs["motion"].runs == 0


def test_a_run_that_fails_counts() -> None:
    stages = StageTimes()
    for _ in range(16):
        with pytest.raises(ValueError, match="no"), stages.measure("encode"):
            work(fail=True)
    cost = stages.costs["encode"]
    assert cost.runs == 16
    assert cost.cpu_seconds > 0
    assert cost.wall_seconds > 0
