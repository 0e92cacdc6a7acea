"""The events that a peer has received, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from streaming.protocol import ServerEvent

EventT = TypeVar("EventT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the data channel."""

    arrival: float
    event: ServerEvent


def find_event(
    heard: Iterable[Heard], kind: type[EventT], where: Callable[[EventT], bool], after: float
) -> tuple[float, EventT] | None:
    """The first event of a kind that arrived after ``after``, with its arrival."""
    for item in heard:
        event = item.event
        if item.arrival >= after and isinstance(event, kind) and where(event):
            return item.arrival, event
    return None
