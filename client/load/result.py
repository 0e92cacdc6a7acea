"""What viewers report: every second while they run, and once at the end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Outcome = Literal["ok", "refused", "failed", "lost"]
"""Refused by the server; never connected; lost its connection before the end."""


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class Second(_Report):
    """One viewer's last second."""

    kind: Literal["second"] = "second"
    viewer: int
    second: int
    """Counted from the beginning of the test."""
    frames: int
    late_ms: float
    """The latest of these frames."""


class Session(_Report):
    """All of one viewer's session; times in milliseconds."""

    kind: Literal["session"] = "session"
    viewer: int
    outcome: Outcome
    reason: str = ""
    waited_ms: float | None = None
    """In the line of a full server, before connecting began; None if there was none."""
    connect_ms: float | None = None
    """Until the server said that it is ready."""
    first_frame_ms: float | None = None
    """From the start of connecting until the first picture was complete."""
    fps: float | None = None
    """While all sessions ran."""
    freezes: int = 0
    audio_gaps: int = 0
    frame_lateness_ms: tuple[float, ...] = ()
    """50th, 95th and 99th percentile."""
    say_to_audio_ms: tuple[float, ...] = ()
    interrupt_to_silence_ms: tuple[float, ...] = ()
    speech_to_audio_ms: tuple[float, ...] = ()
    """From the end of the viewer's speech to the first sound of the answer."""
    av_offset_ms: tuple[float, ...] = ()
    """Sound ahead of lips, by stretches of speech; of viewers that decode only."""
    audio_bytes: int = 0
    video_bytes: int = 0


Report = Annotated[Second | Session, Field(discriminator="kind")]
REPORT: TypeAdapter[Second | Session] = TypeAdapter(Report)
