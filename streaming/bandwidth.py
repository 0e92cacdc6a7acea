"""The bitrate that a viewer's network carries: congestion control for one sender.

A receiver reports the bandwidth it estimates (REMB). The estimate follows what arrives and climbs
by a few per cent a second, so after a calm face it is far below what a talking one needs, and on a
receiver short of CPU time it falls on the best of networks. It is believed only if it is below the
sent rate and packets queue up on their way, or are lost while it falls, as they are before a
bottleneck. A link that drops the excess without delaying anything shows by losses alone.

The target then falls at once; after a quiet time it rises again by steps, which become rarer when
they fail. There are few targets, because every change costs a new encoder and a keyframe.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

STEPS: Final = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15)
"""Targets as fractions of the full bitrate."""

_HEADROOM: Final = 0.85
"""Fraction of the estimated bandwidth that video uses; sound and repeated packets need the rest."""

_WINDOW: Final = 1.0
"""Seconds over which the sent bitrate is averaged."""

_SETTLE: Final = 2.0
"""Seconds after the start or a change for which reports are still about the former rate."""

_QUIET: Final = 10.0
"""Seconds without trouble before a higher target is tried."""

_MAX_QUIET: Final = 120.0
"""The same, at most, after steps up that failed."""

_PILED: Final = 0.3
"""Seconds by which round trips exceed the shortest one when packets queue up; less may be due to a
busy machine."""

_IN_A_ROW: Final = 2
"""Round trips in a row that must be so long."""

_AT_ONCE: Final = 0.5
"""Smallest fraction of the sent rate to fall to at once: estimates may be far too low."""

_LOSSY: Final = 0.05
"""Share of lost packets that, with a falling estimate, is a sign of a bottleneck."""

_DROPPING: Final = 0.15
"""Average share of lost packets that is a sign by itself; less is repaired by repeating them."""

_LOSS_WEIGHT: Final = 0.2
"""Weight of the newest report in that average."""

_RECENT: Final = 4.0
"""Seconds for which a sign of trouble is taken together with others."""


class BandwidthTarget:
    """The target of one viewer; ``most`` is the full bitrate, ``now`` a monotonic clock."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self._steps = [int(part * most) for part in STEPS]
        self._step = 0
        self._now = now
        self._sent: deque[tuple[float, int]] = deque()
        self._changed = self._troubled = now()
        self._quiet = _QUIET
        self._trying = False
        self._belief = 0
        self._fell = self._lossy = self._piled = -math.inf
        self._shortest = math.inf
        self._round_trips: deque[float] = deque(maxlen=_IN_A_ROW)
        self._loss = 0.0

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

    def reported(self, loss: float, round_trip: float | None) -> None:
        """A receiver report: the share of lost packets, and the round trip in seconds if known."""
        now = self._now()
        self._loss += _LOSS_WEIGHT * (loss - self._loss)
        if loss > _LOSSY:
            self._lossy = now
        if round_trip is not None:
            self._shortest = min(self._shortest, round_trip)
            self._round_trips.append(round_trip)
            piled = min(self._round_trips) - self._shortest > _PILED
            if piled and len(self._round_trips) == _IN_A_ROW:
                self._piled = now
        if self._loss > _DROPPING:
            self._trouble((1.0 - self._loss) * self._sent_bitrate(now))
        self._try_more()

    def believed(self, bitrate: int) -> None:
        """The receiver estimates its bandwidth at ``bitrate`` (REMB)."""
        now = self._now()
        if bitrate < self._belief:
            self._fell = now
        self._belief = bitrate
        sent = self._sent_bitrate(now)
        sign = max(self._piled, min(self._fell, self._lossy))
        if bitrate < sent and now - sign < _RECENT:
            self._trouble(bitrate)
        self._try_more()

    def _trouble(self, carried: float) -> None:
        """The link carries no more than ``carried`` bits per second."""
        now = self._now()
        self._troubled = now
        if now - self._changed < _SETTLE:
            return
        most = max(_HEADROOM * carried, _AT_ONCE * self._sent_bitrate(now))
        lower = [i for i, rate in enumerate(self._steps) if rate <= most]
        step = lower[0] if lower else len(self._steps) - 1
        if step > self._step:
            if self._trying and now - self._changed < self._quiet:
                # It was tried too early: wait longer the next time.
                self._quiet = min(2 * self._quiet, _MAX_QUIET)
            self._step, self._changed, self._trying = step, now, False
            # Earlier signs were about the former rate.
            self._fell = self._lossy = self._piled = -math.inf
            self._round_trips.clear()

    def _try_more(self) -> None:
        now = self._now()
        if self._step > 0 and now - self._troubled >= self._quiet:
            self._step, self._trying = self._step - 1, True
            self._changed = self._troubled = now

    def _sent_bitrate(self, now: float) -> float:
        return 8 * sum(size for at, size in self._sent if at >= now - _WINDOW) / _WINDOW
