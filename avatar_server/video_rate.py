"""How often sessions draw a picture: less often on a machine that is too slow, so that sound and
motion stay on time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from avatar_server.scheduler import Scheduler
from streaming.clock import FPS

log = logging.getLogger(__name__)

STEPS: Final = (1, 2, 5)
"""Ticks from picture to picture: 25, 12.5 and 5 pictures a second."""

_TOO_LATE: Final = 0.2
"""Share of late pictures in a second at which the rate steps down."""
_LATE_SECONDS: Final = 2
"""Such seconds in a row after which it does; a client that connects causes a single one."""
_CALM: Final = 0.02
"""Share of late pictures up to which a second counts as calm."""
_ROOM: Final = 0.75
"""Share of the threads' time that the next higher rate may be expected to take."""
_PATIENCE: Final = (3, 60)
"""Calm seconds before the rate steps up: at first, and at most after it did so too early."""
_RELAPSE_SECONDS: Final = 10
"""A step down this soon after a step up shows that the step up came too early."""


class VideoRate:
    """Shared by all sessions of a process."""

    def __init__(self) -> None:
        self._step = 0
        self._due = self._late = 0
        self._calm_seconds = self._late_seconds = 0
        self._since_up = _RELAPSE_SECONDS
        self._patience = _PATIENCE[0]
        self.on_change: Callable[[float], None] = lambda _: None
        """Gets the new rate, in pictures a second, whenever it changes."""
        self.pictures_due = 0
        self.pictures_late = 0
        """Over the life of the process."""

    @property
    def every(self) -> int:
        """Ticks from picture to picture."""
        return STEPS[self._step]

    @property
    def fps(self) -> float:
        """Pictures a second."""
        return FPS / self.every

    def draws(self, tick: int, phase: int) -> bool:
        """Whether ``tick`` gets a picture; sessions of different ``phase`` take turns."""
        return (tick + phase) % self.every == 0

    def note(self, *, late: bool) -> None:
        """Count a picture that was due."""
        self._due += 1
        self._late += late
        self.pictures_due += 1
        self.pictures_late += late

    def second(self, busy: float) -> None:
        """A second has passed in which the threads were ``busy`` (0 to 1) on average."""
        late = self._late / self._due if self._due else 0.0
        self._due = self._late = 0
        self._since_up += 1
        if late > _TOO_LATE:
            self._calm_seconds = 0
            self._late_seconds += 1
            if self._late_seconds >= _LATE_SECONDS and self._step + 1 < len(STEPS):
                if self._since_up < _RELAPSE_SECONDS:
                    self._patience = min(2 * self._patience, _PATIENCE[1])
                self._change(self._step + 1)
            return
        self._late_seconds = 0
        self._calm_seconds = self._calm_seconds + 1 if late <= _CALM else 0
        if self._step == 0:
            if self._since_up >= _PATIENCE[1]:
                self._patience = _PATIENCE[0]
            return
        expected = busy * self.every / STEPS[self._step - 1]
        if self._calm_seconds >= self._patience and expected < _ROOM:
            self._since_up = 0
            self._change(self._step - 1)

    def _change(self, step: int) -> None:
        self._step = step
        self._calm_seconds = self._late_seconds = 0
        log.warning("sessions now draw %g pictures a second", self.fps)
        self.on_change(self.fps)

    async def watch(
        self, scheduler: Scheduler, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Judge every second until cancelled."""
        before = scheduler.busy_seconds
        while True:
            await sleep(1.0)
            spent, before = scheduler.busy_seconds - before, scheduler.busy_seconds
            self.second(spent / scheduler.threads)
