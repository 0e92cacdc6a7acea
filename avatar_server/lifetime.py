"""When a session ends: idle timeout, maximum length, and how long a lost client may come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from streaming.protocol import SessionWarning

Limit = Literal["idle", "maximum"]


@dataclass(frozen=True, slots=True)
class LifetimePolicy:
    """Durations in seconds; None means no limit."""

    idle: float | None = None
    """Without speech or input of anybody."""
    maximum: float | None = None
    """Of the whole session."""
    alone: float = 0.0
    """Without a connected client, which may reconnect."""
    warning: float = 30.0
    """Between the warning and the end of a session that is idle or has had its time; at most
    half of that time."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over, and why."""

    reason: str


class Lifetime:
    """Tracks activity and clients; :meth:`run` warns before the session ends, and ends it."""

    def __init__(self, policy: LifetimePolicy, now: Callable[[], float]) -> None:
        """``now`` is the clock of the event loop that :meth:`run` runs in, in seconds."""
        self._limits: dict[Limit, float] = {}
        if policy.idle is not None:
            self._limits["idle"] = policy.idle
        if policy.maximum is not None:
            self._limits["maximum"] = policy.maximum
        self._alone = policy.alone
        self._warning = policy.warning
        self._now = now
        self._since: dict[Limit, float] = dict.fromkeys(("idle", "maximum"), now())
        self._left: float | None = None
        """When the last client went; None while one is there."""
        self._left_because = ""
        self._warned: set[Limit] = set()
        self._changed = asyncio.Event()

    # --- what happens ---------------------------------------------------------------------------

    def act(self) -> None:
        """Somebody said or did something."""
        self._since["idle"] = self._now()
        if "idle" in self._warned:
            self._changed.set()

    def leave(self, reason: str) -> None:
        """The last client is gone; it may come back."""
        self._left, self._left_because = self._now(), reason
        self._changed.set()

    def join(self) -> None:
        """A client is there."""
        self._left = None
        self._changed.set()
        self.act()

    # --- what follows ---------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is to be called, on the clock ``now``."""
        times = [
            self._end(limit) if limit in self._warned else self._warn_at(limit)
            for limit in self._limits
        ]
        if self._left is not None:
            times.append(self._left + self._alone)
        return min(times, default=None)

    def tick(self) -> list[SessionWarning | Ended]:
        """Warnings and the end that are due now."""
        now = self._now()
        if self._left is not None and now >= self._left + self._alone:
            return [Ended(self._left_because)]
        found: list[SessionWarning | Ended] = []
        for limit, seconds in self._limits.items():
            left = self._end(limit) - now
            if left <= 0:
                return [Ended(_ENDED[limit].format(_words(seconds)))]
            warned, due = limit in self._warned, now >= self._warn_at(limit)
            if due and not warned:
                self._warned.add(limit)
                message = _WARNINGS[limit].format(round(left))
                found.append(SessionWarning(reason=limit, seconds=left, message=message))
            elif warned and not due:
                self._warned.discard(limit)
                found.append(SessionWarning(reason=limit, message="the session goes on"))
        return found

    async def run(
        self,
        warn: Callable[[SessionWarning], None],
        end: Callable[[str], None],
    ) -> None:
        """Warn and end in time, until cancelled."""
        while True:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self.deadline):
                    await self._changed.wait()
            for event in self.tick():
                if isinstance(event, Ended):
                    end(event.reason)
                else:
                    warn(event)

    # --- inside ---------------------------------------------------------------------------------

    def _end(self, limit: Limit) -> float:
        return self._since[limit] + self._limits[limit]

    def _warn_at(self, limit: Limit) -> float:
        return self._end(limit) - min(self._warning, self._limits[limit] / 2)


_WARNINGS: Final[dict[Limit, str]] = {
    "idle": "the session ends in {} s because nobody says anything; say or do something to go on",
    "maximum": "the session ends in {} s because its time is over; connect again after that",
}
_ENDED: Final[dict[Limit, str]] = {
    "idle": "nobody has said anything for {}; connect again to go on",
    "maximum": "a session lasts {} at most; connect again to go on",
}


def _words(seconds: float) -> str:
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:g} minutes"
