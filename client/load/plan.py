"""The plan of a load test, sent from the main process to the worker processes."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

SENTENCE = (
    "Are you there? Please bring my five big blue boats back before the evening, "
    "and call Bob about it."
)


SETTLE = 2.0
"""Seconds that the last session gets to connect before figures of all sessions count."""


class Scenario(StrEnum):
    """What every viewer does."""

    IDLE = "idle"
    """Looks at the avatar."""
    TALK = "talk"
    """Has it speak one sentence after the other."""
    BARGE_IN = "barge-in"
    """Has it speak for long and interrupts it."""
    CONVERSE = "converse"
    """Talks to it with recorded speech and waits for the answer."""


class LoadPlan(BaseModel):
    """One load test; times are seconds."""

    model_config = ConfigDict(frozen=True)

    url: str
    sessions: int = Field(ge=1)
    seconds: float = Field(gt=0)
    """How long all sessions run at the same time."""
    ramp: float = Field(gt=0)
    """Sessions that begin per second."""
    scenario: Scenario
    token: str | None = None
    avatar: str | None = None
    size: int | None = None
    """Width of the pictures in pixels that every viewer asks for, and must get."""
    speech: str | None = None
    """File with what viewers of :attr:`Scenario.CONVERSE` say."""
    wait: float = Field(default=0.0, ge=0)
    """How long a viewer waits in the queue of a full server before it counts as refused."""
    watch_every: int = Field(default=8, ge=0)
    """One in this many viewers decodes the video, to compare lips with sound; 0: none does."""

    @property
    def all_connected(self) -> float:
        """When the last session is connected, from the beginning of the test."""
        return (self.sessions - 1) / self.ramp + SETTLE

    @property
    def end(self) -> float:
        """When all sessions end, from the beginning of the test."""
        return self.all_connected + self.seconds


class WorkerPlan(BaseModel):
    """The part of one process."""

    model_config = ConfigDict(frozen=True)

    plan: LoadPlan
    begin: float
    """When the test begins on ``time.monotonic()``, which all processes of a machine share."""
    viewers: tuple[int, ...]
    """Numbers of the viewers, from 0."""
