"""The front process: admission, the queue and metrics; other requests go to the workers."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from avatar_server.access import guards
from avatar_server.admission import Admission
from avatar_server.health import Health
from avatar_server.http import EXCEPTION_HANDLERS
from avatar_server.process_series import ProcessSeries
from avatar_server.queue import Queue
from avatar_server.settings import Settings
from avatar_server.workers.pool import Pool
from avatar_server.workers.proxy import Proxy

_FRONTS: Final = ("avatar_sessions_limit", "avatar_queue", "avatar_draining")
"""Series that the front itself provides."""

_PATIENCE: Final = 3.0
"""Seconds that a worker gets to answer with its figures."""


def create_front(settings: Settings, admission: Admission) -> Starlette:
    """The application; its lifespan owns ``settings.workers`` processes, whose sessions count
    against ``admission``."""
    # The front has counted offers already.
    part = settings.model_copy(update={"offers_per_minute": None})
    pool = Pool(part, settings.workers, admission)
    front, proxy = Front(pool, admission), Proxy(pool)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with pool:
            background = [
                asyncio.create_task(_watch(pool, admission), name="strain"),
                asyncio.create_task(front.process.watch(), name="watch-loop"),
            ]
            try:
                yield
            finally:
                for task in background:
                    task.cancel()

    app = Starlette(
        routes=[
            *Health(admission, front.exposition, lambda: bool(pool.all())).routes(),
            Mount("/api", app=Router([*Queue(admission).routes(), *front.routes()], default=proxy)),
        ],
        middleware=guards(settings),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    app.router.default = proxy

    async def drain() -> None:
        admission.drain()
        until = time.monotonic() + settings.drain_seconds
        while admission.running and (left := until - time.monotonic()) > 0:
            await admission.change(left)

    app.state.drain = drain
    return app


async def _watch(pool: Pool, admission: Admission) -> None:
    """Adapt the session limit to the workers' strain, until cancelled."""
    while True:
        await asyncio.sleep(1.0)
        admission.second(any(worker.strained for worker in pool.all()))


class Front:
    """Figures of all processes."""

    def __init__(self, pool: Pool, admission: Admission) -> None:
        self._pool = pool
        self._admission = admission
        self._registry = CollectorRegistry()
        self.process = ProcessSeries(self._registry)

    def routes(self) -> list[Route]:
        """Routes below ``/api``."""
        return [Route("/status", self.status)]

    async def status(self, request: Request) -> Response:
        """The same counts as those of one process, summed up."""
        answers = await self._ask("/api/status", request)
        parts = [answer.json() for answer in answers.values()]
        return JSONResponse(
            {
                "sessions": sum(part["sessions"] for part in parts),
                "max_sessions": self._admission.limit,
                "waiting": self._admission.waiting,
                "process": os.getpid(),
                "tasks": len(asyncio.all_tasks()) + sum(part["tasks"] for part in parts),
                "cpu_seconds": time.process_time() + sum(part["cpu_seconds"] for part in parts),
                "stages": _summed([part["stages"] for part in parts]),
                "workers": [
                    {
                        "number": number,
                        "process": self._pool.get(number).process_id,
                        "sessions": answer.json()["sessions"],
                    }
                    for number, answer in answers.items()
                ],
            }
        )

    async def exposition(self, request: Request) -> bytes:
        """The series of all processes, labelled by worker, and those of the whole server."""
        texts = {"front": generate_latest(self._registry).decode()}
        for number, answer in (await self._ask("/metrics", request)).items():
            texts[str(number)] = answer.text
        registry = CollectorRegistry()
        registry.register(_Series(self._pool, self._admission, texts))
        return generate_latest(registry)

    async def _ask(self, path: str, request: Request) -> dict[int, httpx.Response]:
        """The workers' answers; workers that fail to answer are left out."""
        headers = {"authorization": request.headers.get("authorization", "")}
        workers = self._pool.all()
        answers = await asyncio.gather(
            *(
                worker.http.get(f"http://worker{path}", headers=headers, timeout=_PATIENCE)
                for worker in workers
            ),
            return_exceptions=True,
        )
        return {
            worker.number: answer
            for worker, answer in zip(workers, answers, strict=True)
            if isinstance(answer, httpx.Response) and answer.is_success
        }


def _summed(parts: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Costs of stages over all workers."""
    summed: dict[str, dict[str, float]] = {}
    for part in parts:
        for stage, cost in part.items():
            into = summed.setdefault(stage, dict.fromkeys(cost, 0))
            for name, value in cost.items():
                into[name] += value
    return summed


@dataclass(eq=False, slots=True)
class _Series(Collector):
    pool: Pool
    admission: Admission
    texts: Mapping[str, str]
    """Expositions by worker; the front's own as ``front``."""

    def collect(self) -> Iterator[Metric]:
        limit, waiting = self.admission.limit, self.admission.waiting
        yield GaugeMetricFamily("avatar_sessions_limit", "Sessions that may run at once.", limit)
        yield GaugeMetricFamily("avatar_queue", "Clients waiting in line for a session.", waiting)
        yield GaugeMetricFamily(
            "avatar_draining",
            "1 while the server waits for its last sessions to end.",
            self.admission.draining,
        )
        yield GaugeMetricFamily("avatar_workers", "Running workers.", len(self.pool.all()))
        yield CounterMetricFamily(
            "avatar_worker_restarts", "Workers that were restarted.", self.pool.restarts
        )
        families: dict[str, Metric] = {}
        for worker, text in self.texts.items():
            for family in text_string_to_metric_families(text):
                if family.name in _FRONTS:
                    continue
                into = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                into.samples += [
                    sample._replace(labels={**sample.labels, "worker": worker})
                    for sample in family.samples
                ]
        yield from families.values()
