"""Judges whether a process keeps up with its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from avatar_server.video_rate import VideoRate
from streaming.figures import MediaFigures

_TOO_LATE: Final = 0.1
"""Share of pictures that may come late in a second; the rate of pictures falls at twice that."""


class Strain:
    """Judges seconds by what ``rate`` and ``figures`` have counted in them."""

    def __init__(self, rate: VideoRate, figures: MediaFigures) -> None:
        self._rate = rate
        self._figures = figures
        self._before = self._counts()

    def _counts(self) -> tuple[int, int, int]:
        return self._rate.pictures_due, self._rate.pictures_late, self._figures.stalls

    def second(self) -> bool:
        """Whether sound stood still since the last call, or pictures came late or less often."""
        before, self._before = self._before, self._counts()
        due, late, stalls = (now - then for now, then in zip(self._before, before, strict=True))
        return self._rate.every > 1 or stalls > 0 or late > _TOO_LATE * due

    async def watch(
        self,
        tell: Callable[[bool], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Call ``tell`` with every second's verdict until cancelled."""
        while True:
            await sleep(1.0)
            tell(self.second())
