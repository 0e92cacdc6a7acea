"""What every process of a server reports of itself: CPU, memory and its event loop."""

from __future__ import annotations

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, Histogram, ProcessCollector

LATENESS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 2.0)
"""Buckets."""

_INTERVAL: Final = 0.25


class ProcessSeries:
    """Registers its series in ``registry``; :meth:`watch` measures the event loop it runs in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._lateness = Histogram(
            "avatar_tick_lateness_seconds",
            "How late the event loop wakes up, which sends every tick.",
            buckets=LATENESS_SECONDS,
            registry=registry,
        )

    async def watch(self) -> None:
        """Measure how late the event loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _INTERVAL
            await asyncio.sleep(_INTERVAL)
            self._lateness.observe(max(0.0, loop.time() - due))
