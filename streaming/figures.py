"""What comes late or gets lost on its way out, over all sessions of a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class MediaFigures:
    """Use from the event loop of the sessions only."""

    stalls: int = 0
    """How often a session's clock had to stand still."""
    stalled_seconds: float = 0.0
    """By how much clocks have come behind the wall clock through that."""
    pictures_skipped: int = 0
    """Pictures that a newer one replaced before they were encoded."""
    on_offset: Callable[[float], None] = lambda _: None
    """Gets, for each picture as it leaves, the seconds by which its sound left before it."""

    def note_stall(self, seconds: float) -> None:
        """A clock stood still for ``seconds``."""
        self.stalls += 1
        self.stalled_seconds += seconds
