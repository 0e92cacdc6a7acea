"""Arrival times of one stream's frames, 16 bytes each, and statistics of them."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from client.measure import count_freezes

FloatArray = npt.NDArray[np.float64]

PACKET: Final = 0.02
"""Seconds of sound in a packet."""

PLAYER_BUFFER: Final = 0.08
"""Jitter buffer of the simulated player in seconds, as browsers have on a good network."""

_BASELINE: Final = 10.0
"""Seconds over which the earliest frame defines what is on time."""


class Arrivals:
    """Frames of a stream as they came."""

    def __init__(self) -> None:
        self._pts = array("d")
        self._at = array("d")

    def __len__(self) -> int:
        return len(self._at)

    def add(self, pts: float, at: float) -> None:
        """A frame made at ``pts`` seconds on the stream's clock arrived at ``at``."""
        self._pts.append(pts)
        self._at.append(at)

    @property
    def first(self) -> float | None:
        """When the first frame came."""
        return self._at[0] if self._at else None

    @property
    def pts(self) -> FloatArray:
        return np.array(self._pts)

    @property
    def at(self) -> FloatArray:
        return np.array(self._at)

    def count(self, begin: float, end: float) -> int:
        """How many came from ``begin`` until before ``end``."""
        at = self.at
        return int(((at >= begin) & (at < end)).sum())

    def rate(self, begin: float, end: float) -> float:
        """Frames per second from ``begin`` until ``end``."""
        return self.count(begin, end) / (end - begin)

    def freezes(self, end: float) -> int:
        """Freezes until ``end``, including one that has not ended by then."""
        return count_freezes(np.append(self.at, end)) if self._at else 0

    def lateness(self) -> FloatArray:
        """Seconds by which each frame came later than the promptest one around it.

        The promptest is sought within ten seconds, so that neither a clock that runs a little
        differently nor a sender that stalled once makes all later frames late.
        """
        delay = self.at - self.pts
        if len(delay) == 0:
            return delay
        block = ((self.at - self.at[0]) // _BASELINE).astype(np.int64)
        _, starts, member = np.unique(block, return_index=True, return_inverse=True)
        late: FloatArray = delay - np.minimum.reduceat(delay, starts)[member]
        return late

    def gaps(self) -> int:
        """How often a player of these packets of sound falls silent.

        It begins to play a moment after the first packet, falls silent where one is lost or comes
        too late, and then starts again in the same way.
        """
        gaps = 0
        offset: float | None = None
        expected = 0.0
        for at, pts in sorted(zip(self._at, self._pts, strict=True), key=lambda packet: packet[1]):
            if offset is None:
                offset = at + PLAYER_BUFFER - pts
            elif at > pts + offset:
                gaps += 1
                offset = at + PLAYER_BUFFER - pts
            elif pts > expected + PACKET / 2:
                gaps += 1
            elif pts < expected - PACKET / 2:
                continue  # a duplicate
            expected = pts + PACKET
        return gaps
