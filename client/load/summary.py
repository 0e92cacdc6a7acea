"""A load test in figures, and whether they are good enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from client.load.plan import LoadPlan
from client.load.result import Second, Session

SHARES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

_SAMPLES: Final[Mapping[str, Callable[[Session], Iterable[float | None]]]] = {
    "waited_ms": lambda s: (s.waited_ms,),
    "connect_ms": lambda s: (s.connect_ms,),
    "first_frame_ms": lambda s: (s.first_frame_ms,),
    "say_to_audio_ms": lambda s: s.say_to_audio_ms,
    "interrupt_to_silence_ms": lambda s: s.interrupt_to_silence_ms,
    "speech_to_audio_ms": lambda s: s.speech_to_audio_ms,
    "av_offset_ms": lambda s: (abs(offset) for offset in s.av_offset_ms),
    "frame_lateness_ms": lambda s: s.frame_lateness_ms[1:2],
    "freezes": lambda s: (s.freezes,),
    "audio_gaps": lambda s: (s.audio_gaps,),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What must hold for a load test to pass."""

    min_fps: float = 24.0
    """Of the worst session."""
    max_audio_gaps: int = 0
    """Over all sessions."""
    max_response_ms: float | None = None
    """95th percentile from a request to speak to its first sound; None: any."""
    max_refused: int = 0

    def broken(self, summary: Mapping[str, float | None]) -> list[str]:
        """One sentence for each threshold that does not hold."""
        fps = summary["fps.min"]
        response = summary["say_to_audio_ms.p95"]
        gaps, refused = summary["audio_gaps.total"] or 0, summary["refused"] or 0
        missing = (summary["failed"] or 0) + (summary["lost"] or 0)
        found = []
        if missing:
            found.append(f"{missing:.0f} sessions failed or were lost")
        if refused > self.max_refused:
            found.append(f"{refused:.0f} sessions were refused (at most {self.max_refused})")
        if fps is None or fps < self.min_fps:
            found.append(f"the worst session had {fps or 0:.1f} fps (at least {self.min_fps:g})")
        if gaps > self.max_audio_gaps:
            found.append(f"{gaps:.0f} audio gaps (at most {self.max_audio_gaps})")
        if self.max_response_ms is not None:
            most = f"(at most {self.max_response_ms:g})"
            if response is None:
                found.append(f"nothing that was to be said was heard {most[:-1]} ms)")
            elif response > self.max_response_ms:
                found.append(f"first sound after {response:.0f} ms {most}")
        return found


def summarise(sessions: Sequence[Session]) -> dict[str, float | None]:
    """Flat figures: counts, and percentiles over sessions or, for responses, over all of them."""
    ran = [session for session in sessions if session.fps is not None]
    fps = [session.fps for session in ran if session.fps is not None]
    figures: dict[str, float | None] = {"sessions": len(sessions)}
    for outcome in ("ok", "refused", "failed", "lost"):
        figures[outcome] = sum(session.outcome == outcome for session in sessions)
    figures["fps.min"] = min(fps, default=None)
    # The low tail is what users notice.
    for name, share in SHARES.items():
        figures[f"fps.{name}"] = _quantile(fps, 1 - share)
    for name, samples in _SAMPLES.items():
        values = [value for session in ran for value in samples(session) if value is not None]
        for tail, share in SHARES.items():
            figures[f"{name}.{tail}"] = _quantile(values, share)
    figures["waited"] = sum(session.waited_ms is not None for session in ran)
    figures["freezes.total"] = sum(session.freezes for session in ran)
    figures["audio_gaps.total"] = sum(session.audio_gaps for session in ran)
    figures["audio_bytes.total"] = sum(session.audio_bytes for session in ran)
    figures["video_bytes.total"] = sum(session.video_bytes for session in ran)
    return figures


def _quantile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.quantile(values, share)), 2) if values else None


@dataclass(frozen=True, slots=True)
class Moment:
    """All sessions in one second."""

    second: int
    sessions: int
    fps_median: float
    fps_min: float
    late_ms_median: float
    """Over the sessions, of the latest frame of each."""
    late_ms_max: float


def timeline(seconds: Iterable[Second], plan: LoadPlan) -> list[Moment]:
    """The test second by second, as far as all reports of a second are there."""
    by_second: dict[int, list[Second]] = {}
    for item in seconds:
        if item.second + 1 <= plan.end:
            by_second.setdefault(item.second, []).append(item)
    moments = []
    for second, items in sorted(by_second.items()):
        frames = [item.frames for item in items]
        late = [item.late_ms for item in items]
        moments.append(
            Moment(
                second,
                len(items),
                float(np.median(frames)),
                min(frames),
                float(np.median(late)),
                max(late),
            )
        )
    return moments
