"""The media clock of a session: a counter of 48 kHz samples with one zero.

Tick k covers samples [1920 k, 1920 (k + 1)) and video frame k; an audio packet is half a tick.
Both tracks take their pts from this counter. Wall-clock time enters here and nowhere else.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

SAMPLE_RATE: Final = 48_000
FPS: Final = 25
TICK: Final = SAMPLE_RATE // FPS
"""Samples per tick (one video frame, 40 ms)."""
PACKET: Final = TICK // 2
"""Samples per audio packet (20 ms)."""
PACKET_SECONDS: Final = PACKET / SAMPLE_RATE

TICK_SECONDS: Final = TICK / SAMPLE_RATE

STALL_SECONDS: Final = 0.060
"""Lateness beyond which the clock gives up catching up and moves its anchor instead."""


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _after(time: float, step: float) -> float:
    """The first multiple of ``step`` that is not before ``time``, give or take a millionth."""
    return math.ceil(time / step - 1e-6) * step


@dataclass(slots=True)
class MediaClock:
    """Hands out audio packets at the pace of the wall clock.

    All clocks of a process tick at the same moments: waking up costs more than the work of a tick,
    and work that is due together is batched.

    After a stall (a blocked loop, a suspended machine) media time goes on where it stopped and
    later packets keep their spacing: nothing is sent in a burst, and sound and picture shift
    together.
    """

    now: Callable[[], float] = _loop_time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_stall: Callable[[float], None] = lambda _: None
    """Called with the seconds by which the anchor had to move."""
    stalls: int = field(default=0, init=False)
    """How often the anchor had to move."""
    _anchor: float | None = field(default=None, init=False)
    _next: int = field(default=0, init=False)

    @property
    def next_sample(self) -> int:
        """First sample of the packet that :meth:`wait` will hand out next."""
        return self._next

    async def wait(self) -> int:
        """Sleep until the next packet is due and return its first sample."""
        if self._anchor is None:
            self._anchor = _after(self.now(), TICK_SECONDS)
        delay = self.until_next()
        if delay > 0:
            await self.sleep(delay)
        elif -delay > STALL_SECONDS:
            moved = _after(-delay, PACKET_SECONDS)
            self._anchor += moved
            self.stalls += 1
            self.on_stall(moved)
            await self.sleep(moved + delay)
        else:
            await self.sleep(0)
        sample = self._next
        self._next += PACKET
        return sample

    def until_next(self) -> float:
        """Seconds until the next packet is due; negative when it is late."""
        if self._anchor is None:
            return _after(self.now(), TICK_SECONDS) - self.now()
        return self._anchor + self._next / SAMPLE_RATE - self.now()
