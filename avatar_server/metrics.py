"""All series of a server that Prometheus can scrape, in one place.

Every server object has a registry of its own, so that several can live in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request

from avatar_server.admission import Admission
from avatar_server.process_series import LATENESS_SECONDS, ProcessSeries
from avatar_server.scheduler import Scheduler
from avatar_server.video_rate import VideoRate
from streaming.figures import MediaFigures
from streaming.stages import Stage

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_STAGE_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5)
_SESSION_SECONDS: Final = (5, 15, 60, 300, 900, 3600, 14400)


@dataclass(eq=False, slots=True)
class _Media(Collector):
    """Values that other objects count, read at every scrape."""

    figures: MediaFigures
    scheduler: Scheduler
    rate: VideoRate

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "avatar_video_fps", "Pictures per second that each session draws.", self.rate.fps
        )
        yield GaugeMetricFamily(
            "avatar_scheduler_waiting",
            "Work items waiting for a thread.",
            self.scheduler.waiting,
        )
        counters: dict[str, tuple[str, float]] = {
            "avatar_scheduler_hangs": ("Model runs that never returned.", self.scheduler.hangs),
            "avatar_scheduler_busy_seconds": (
                "Seconds that threads have spent animating.",
                self.scheduler.busy_seconds,
            ),
            "avatar_pictures": ("Pictures that were due.", self.rate.pictures_due),
            "avatar_pictures_late": (
                "Pictures that were not ready when due.",
                self.rate.pictures_late,
            ),
            "avatar_pictures_skipped": (
                "Pictures replaced by newer ones before they were encoded.",
                self.figures.pictures_skipped,
            ),
            "avatar_clock_stalls": (
                "Stalls of session clocks.",
                self.figures.stalls,
            ),
            "avatar_clock_drift_seconds": (
                "Seconds by which session clocks have fallen behind the wall clock.",
                self.figures.stalled_seconds,
            ),
        }
        for name, (words, value) in counters.items():
            yield CounterMetricFamily(name, words, value)


class Metrics:
    """The series of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.process = ProcessSeries(self._registry)
        gauge = partial(Gauge, registry=self._registry)
        counter = partial(Counter, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        self._sessions = gauge("avatar_sessions", "Running sessions.")
        self._limit = gauge("avatar_sessions_limit", "Sessions that may run at once.")
        self._draining = gauge(
            "avatar_draining", "1 while the server waits for its last sessions to end."
        )
        self._waiting = gauge("avatar_queue", "Clients waiting in line for a session.")
        self.admissions = counter(
            "avatar_admissions",
            "Requests for a session by outcome: admitted, or the error code of the refusal.",
            ["outcome"],
        )
        self.session_seconds = histogram(
            "avatar_session_seconds", "Length of ended sessions.", buckets=_SESSION_SECONDS
        )
        self.peers = counter(
            "avatar_peers", "Peers whose offer was answered, by video codec.", ["codec"]
        )
        self.ice = counter(
            "avatar_ice",
            "Peer connections that reached a state: connecting, connected, failed, closed.",
            ["state"],
        )
        self.paths = counter(
            "avatar_ice_paths",
            "Connected peers, by candidate type at each end: host, srflx, prflx or relay.",
            ["server", "client"],
        )
        self.interrupts = counter(
            "avatar_interrupts", "Interruptions in conversations, by cause.", ["reason"]
        )
        self._offset = histogram(
            "avatar_av_offset_seconds",
            "How long after its sound a picture is sent.",
            buckets=LATENESS_SECONDS,
        )
        self.events = counter("avatar_events", "Events from clients, by type.", ["type"])
        self.errors = counter(
            "avatar_errors",
            "Errors reported to clients, by code; session_failed: a part of a session failed.",
            ["code"],
        )
        by_stage = histogram(
            "avatar_stage_seconds",
            "Wall time of one run of a pipeline stage.",
            ["stage"],
            buckets=_STAGE_SECONDS,
        )
        # Looked up once: each session observes a hundred runs a second.
        self._stages = {stage: by_stage.labels(stage) for stage in get_args(Stage)}

    def watch_admission(self, admission: Admission) -> None:
        """Where the gauges of sessions are read from at every scrape."""
        self._sessions.set_function(lambda: admission.running)
        self._limit.set_function(lambda: admission.limit)
        self._draining.set_function(lambda: admission.draining)
        self._waiting.set_function(lambda: admission.waiting)

    def watch_media(self, figures: MediaFigures, scheduler: Scheduler, rate: VideoRate) -> None:
        """Where the figures of media are read from at every scrape."""
        figures.on_offset = lambda seconds: self._offset.observe(max(0.0, seconds))
        self._registry.register(_Media(figures, scheduler, rate))

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """One run of a stage; from any thread."""
        self._stages[stage].observe(seconds)

    async def exposition(self, _: Request) -> bytes:
        """All series in Prometheus' text format, see :data:`CONTENT_TYPE`."""
        return generate_latest(self._registry)
