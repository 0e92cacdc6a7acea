"""How many sessions may run: an estimate made at start, corrected by how well sessions run.

The estimate cannot know what else the machine will do, nor how its cores slow each other down. So
the limit falls after sessions were strained, and rises step by step while as many sessions as it
allows run well.
"""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger(__name__)

_STRAINED_SECONDS: Final = 5.0
"""Bad seconds, less :data:`_RECOVERY` for each good one between them, after which the limit falls:
what else the machine does now and then is no reason to refuse sessions for minutes."""

_RECOVERY: Final = 0.5

_PATIENCE: Final = (60, 480)
"""Good seconds before the limit rises: at first, and at most after rises that went too far."""

_FORGET_SECONDS: Final = 3600
"""Seconds without a fall after which the patience is as at first."""

_STEP: Final = 10
"""The limit rises by a tenth, and by one at least."""


class SessionLimit:
    """Begins at ``first`` and stays between ``least`` and ``most``."""

    def __init__(self, first: int, most: int, least: int = 1) -> None:
        self.now = first
        self._least = least
        self._most = most
        self._strained = 0.0
        self._calm = 0
        self._patience = _PATIENCE[0]
        self._since_fall = _FORGET_SECONDS

    @classmethod
    def fixed(cls, sessions: int) -> SessionLimit:
        """A limit that never changes."""
        return cls(sessions, sessions, sessions)

    def second(self, running: int, *, strained: bool) -> bool:
        """A second has passed in which ``running`` sessions were ``strained`` or not.

        Returns whether the limit has changed.
        """
        before = self.now
        self._since_fall += 1
        if strained:
            self._calm = 0
            self._strained = min(_STRAINED_SECONDS, self._strained + 1.0)
            if self._strained >= _STRAINED_SECONDS:
                self._fall_below(running)
        else:
            self._strained = max(0.0, self._strained - _RECOVERY)
            # Fewer sessions than allowed prove nothing about the limit.
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
