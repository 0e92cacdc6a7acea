"""How many sessions may run: what was estimated at start, corrected by how those that run fare.

An estimate knows nothing of what else the machine will do, nor how its cores slow each other
down. So fewer are let in after sessions suffered, and more, one after the other, while as many as
may run have run well.
"""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger(__name__)

_STRAINED_SECONDS: Final = 2
"""Bad seconds in a row that count: someone who connects is not too much."""

_PATIENCE: Final = (60, 960)
"""Good seconds until more are let in: at first, and at most after that was too many."""

_FORGET_SECONDS: Final = 3600
"""After so long without a bad time the patience is as at first."""

_STEP: Final = 10
"""One more of so many sessions, and one at least, is tried at a time."""


class SessionLimit:
    """Begins at ``first`` and stays between ``least`` and ``most``."""

    def __init__(self, first: int, most: int, least: int = 1) -> None:
        self.now = first
        self._least = least
        self._most = most
        self._strained = self._calm = 0
        self._patience = _PATIENCE[0]
        self._since_fall = _FORGET_SECONDS

    @classmethod
    def fixed(cls, sessions: int) -> SessionLimit:
        """A limit that never changes."""
        return cls(sessions, sessions, sessions)

    def second(self, running: int, *, strained: bool) -> bool:
        """A second has passed in which ``running`` sessions got what they should, or not.

        Returns whether the limit has changed.
        """
        before = self.now
        self._since_fall += 1
        if strained:
            self._calm = 0
            self._strained += 1
            if self._strained >= _STRAINED_SECONDS:
                self._fall_below(running)
        else:
            self._strained = 0
            # That too few run well proves nothing.
            self._calm = self._calm + 1 if running >= self.now else 0
            if self._calm >= self._patience:
                self._calm = 0
                self.now = min(self._most, self.now + max(1, self.now // _STEP))
        if self.now != before:
            log.warning("%d sessions may run from now on, not %d", self.now, before)
        return self.now != before

    def _fall_below(self, running: int) -> None:
        limit = max(self._least, min(self.now, running - 1))
        if limit == self.now:
            return
        self.now = limit
        again = self._since_fall < _FORGET_SECONDS
        self._patience = min(2 * self._patience, _PATIENCE[1]) if again else _PATIENCE[0]
        self._since_fall = 0
