"""How many bits per second a viewer's network carries.

A receiver says what it believes to get through (REMB). While little is sent, that belief is low
without any trouble; so it counts only when more is sent than it says. Then the target goes down
at once, and after a quiet time up again by steps, which become rarer when they fail.

Targets are few: every change costs a new encoder and a keyframe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

STEPS: Final = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15)
"""Targets in parts of the most that is sent."""

_HEADROOM: Final = 0.85
"""Part of the believed rate that is used: sound and repeated packets need the rest."""

_WINDOW: Final = 1.0
"""Seconds over which the sent rate is taken."""

_SETTLE: Final = 2.0
"""Seconds after the begin or a change in which the receiver's belief is not to be trusted."""

_QUIET: Final = 10.0
"""Seconds without trouble before more is tried."""

_MAX_QUIET: Final = 120.0


class BandwidthTarget:
    """One viewer's; ``now`` is a monotonic clock."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self._steps = [int(part * most) for part in STEPS]
        self._step = 0
        self._now = now
        self._sent: deque[tuple[float, int]] = deque()
        self._changed = now()
        self._troubled = now()
        self._quiet = _QUIET

    @property
    def bitrate(self) -> int:
        """Bits per second to encode for."""
        return self._steps[self._step]

    def sent(self, size: int) -> None:
        """``size`` bytes were handed to the network."""
        now = self._now()
        self._sent.append((now, size))
        while self._sent[0][0] < now - _WINDOW:
            self._sent.popleft()

    def believed(self, bitrate: int) -> None:
        """The receiver believes that ``bitrate`` gets through."""
        now = self._now()
        if now - self._changed < _SETTLE:
            return
        if bitrate < self._sent_bitrate(now):
            self._troubled = now
            lower = [i for i, rate in enumerate(self._steps) if rate <= _HEADROOM * bitrate]
            step = lower[0] if lower else len(self._steps) - 1
            if step > self._step:
                # It was tried too early: wait longer the next time.
                if now - self._changed < self._quiet:
                    self._quiet = min(2 * self._quiet, _MAX_QUIET)
                self._step, self._changed = step, now
        elif self._step > 0 and now - self._troubled >= self._quiet:
            self._step -= 1
            self._changed = self._troubled = now

    def _sent_bitrate(self, now: float) -> float:
        return 8 * sum(size for at, size in self._sent if at >= now - _WINDOW) / _WINDOW
