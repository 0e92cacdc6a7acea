"""Counters of stalls and skipped pictures, over all sessions of a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class MediaFigures:
    """Use from the event loop of the sessions only."""

    stalls: int = 0
    """How often a session's clock had to stand still."""
    stalled_seconds: float = 0.0
    """Seconds by which clocks have fallen behind the wall clock through stalls."""
    pictures_skipped: int = 0
    """Pictures that a newer one replaced before they were encoded."""
    on_offset: Callable[[float], None] = lambda _: None
    """Called for each picture sent with the seconds by which its sound was sent before it."""

    def note_stall(self, seconds: float) -> None:
        """A clock stood still for ``seconds``."""
        self.stalls += 1
        self.stalled_seconds += seconds
