"""How many sessions this machine carries, with the clients beside the server.

    python -m benchmarks.load --json
    python -m benchmarks.load --json --size 256
    python -m benchmarks.load --json --workers 1

The server runs one worker process per core, as it would where many sessions are wanted.
Raises the number of talking avatars until one of them loses its 25 fps or its sound, then looks
what happens at one and a half times that number, and at three times with the server's own
admission. ``cores_*`` are CPU seconds of the server per second and session, at the largest number
that held (transport is what motion, rendering and video encoding leave of the process).
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

from avatar_server.cores import usable_cores
from benchmarks.report import show
from benchmarks.server import running_server, status
from client.load.plan import LoadPlan, Scenario
from client.load.result import Second, Session
from client.load.run import run_load
from client.load.summary import summarise
from streaming.protocol import PICTURE_SIZES

HELD_FPS: Final = 24.5
"""What counts as 25 fps: one frame in fifty may be missing."""

_STEPS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
_RAMP: Final = 2.0
_QUIET: Final = ("--log-level", "warning")


@dataclass(frozen=True, slots=True)
class Step:
    """What so many sessions got and cost."""

    sessions: int
    summary: dict[str, float | None]
    cores: dict[str, float]
    """Of the server, by stage, over all sessions."""

    @property
    def held(self) -> bool:
        summary = self.summary
        return (
            summary["ok"] == self.sessions
            and (summary["fps.min"] or 0) >= HELD_FPS
            and summary["audio_gaps.total"] == 0
        )


def step(url: str, sessions: int, seconds: float, size: int) -> Step:
    """Let ``sessions`` avatars talk for ``seconds`` in pictures ``size`` pixels wide."""
    plan = LoadPlan(
        url=url,
        sessions=sessions,
        seconds=seconds,
        ramp=_RAMP,
        scenario=Scenario.TALK,
        size=size,
        # Lips are not asked for here, and decoding takes what a server session could have.
        watch_every=0,
    )
    samples: list[tuple[float, dict[str, Any]]] = []

    def sample(report: Second | Session) -> None:
        # From the second in which all sessions ran until the last full one.
        if isinstance(report, Second) and report.viewer == 0 and report.second > plan.all_connected:
            samples.append((time.monotonic(), status(url)))

    summary = summarise(asyncio.run(run_load(plan, sample)))
    sys.stderr.write(
        f"{sessions} sessions: worst {summary['fps.min']} fps, "
        f"{summary['audio_gaps.total']} audio gaps, {summary['refused']} refused\n"
    )
    return Step(sessions, summary, _cores(samples))


def _cores(samples: list[tuple[float, dict[str, Any]]]) -> dict[str, float]:
    if len(samples) < 2:
        return {}
    (began, before), (ended, after) = samples[0], samples[-1]
    lasted = ended - began
    total = (after["cpu_seconds"] - before["cpu_seconds"]) / lasted
    stages = {
        stage: (cost["cpu_seconds"] - before["stages"][stage]["cpu_seconds"]) / lasted
        for stage, cost in after["stages"].items()
    }
    return {**stages, "transport": total - sum(stages.values()), "total": total}


def run(most: int, seconds: float, size: int, workers: int) -> dict[str, float | int | None]:
    """Flat results; see the module for what they mean."""
    steps: list[Step] = []
    settings = {"max_size": size, "workers": workers}
    with running_server("--max-sessions", "1000", *_QUIET, **settings) as url:
        for sessions in _STEPS:
            if sessions > most or (steps and not steps[-1].held):
                break
            tried = step(url, sessions, seconds, size)
            # Once more, in case that something else took the machine for a moment.
            steps.append(tried if tried.held else step(url, sessions, seconds, size))
        best = next((s for s in reversed(steps) if s.held), None)
        largest = best.sessions if best else 0
        over = step(url, math.ceil(1.5 * max(1, largest)), seconds, size)
    with running_server(*_QUIET, **settings) as url:
        beyond = step(url, 3 * max(1, largest), seconds, size)
    results: dict[str, float | int | None] = {
        "size": size,
        "workers": workers,
        "max_sessions_25fps": largest,
        "cores_per_session": best.cores.get("total", 0.0) / largest if best else None,
        "audio_gaps": int((best or steps[0]).summary["audio_gaps.total"] or 0),
    }
    if best:
        for stage, cores in best.cores.items():
            results[f"cores_{stage}"] = cores / largest
    for done in steps:
        results[f"frame_lateness_ms_p95.{done.sessions}"] = done.summary["frame_lateness_ms.p50"]
        results[f"fps_min.{done.sessions}"] = done.summary["fps.min"]
        results[f"say_to_audio_ms_p95.{done.sessions}"] = done.summary["say_to_audio_ms.p95"]
    for name, done in (("at_1_5_times", over), ("at_3_times_admitted", beyond)):
        results[f"{name}.sessions"] = done.sessions
        results[f"{name}.refused"] = int(done.summary["refused"] or 0)
        results[f"{name}.fps_min"] = done.summary["fps.min"]
        results[f"{name}.audio_gaps"] = int(done.summary["audio_gaps.total"] or 0)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--most", type=int, default=32, help="largest number to try")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each step")
    parser.add_argument("--size", type=int, choices=PICTURE_SIZES, default=512, help="pixels")
    parser.add_argument(
        "--workers", type=int, default=usable_cores(), help="processes of the server"
    )
    options = parser.parse_args()
    results = run(options.most, options.seconds, options.size, options.workers)
    show("load", results, as_json=options.json)


if __name__ == "__main__":
    main()
