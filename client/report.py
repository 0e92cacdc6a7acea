"""Reports of the commands as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing them takes a second
    from client.load.result import Session
    from client.say import SayReport


def describe_speech(report: SayReport) -> str:
    """What a viewer got of one speech."""
    lines = [
        ("avatar", report.avatar),
        ("connect to first picture", _with_unit(report.connect_to_first_frame_ms, "ms")),
        ("say to first sound", _with_unit(report.say_to_audio_ms, "ms")),
        ("say to open mouth", _with_unit(report.say_to_mouth_ms, "ms")),
        ("length of the speech", f"{report.speech_seconds:.1f} s"),
        ("pictures", f"{report.fps:.1f} per second, {report.freezes} freezes"),
        ("A/V offset, median", _with_unit(report.av_offset_ms_median, "ms (+: sound first)")),
        ("A/V offset, 95 % within", _with_unit(report.av_offset_ms_p95, "ms")),
    ]
    if report.recording is not None:
        lines.append(("recorded to", report.recording))
    return "\n".join(f"{name:<26}{value}" for name, value in lines)


def describe_load(summary: Mapping[str, float | None], sessions: Sequence[Session]) -> str:
    """What all viewers of a load test got."""
    measures = {
        **({"wait in line": "waited_ms"} if summary["waited"] else {}),
        "connect": "connect_ms",
        "first picture": "first_frame_ms",
        "say to first sound": "say_to_audio_ms",
        "interrupt to silence": "interrupt_to_silence_ms",
        "end of speech to answer": "speech_to_audio_ms",
        "A/V offset": "av_offset_ms",
        "lateness of pictures": "frame_lateness_ms",
    }
    outcomes = ", ".join(
        f"{summary[name]:.0f} {name}"
        for name in ("ok", "refused", "failed", "lost")
        if summary[name]
    )
    lines = [
        ("sessions", outcomes),
        ("pictures per second", " / ".join(_number(summary[f"fps.{s}"]) for s in ("min", "p50"))),
        (
            "freezes, audio gaps",
            f"{summary['freezes.total']:.0f}, {summary['audio_gaps.total']:.0f}",
        ),
    ]
    for words, name in measures.items():
        shares = " / ".join(_number(summary[f"{name}.{s}"]) for s in ("p50", "p95", "p99"))
        lines.append((f"{words}, ms", shares))
    reasons = sorted({session.reason for session in sessions if session.reason})
    lines += [("why", reason) for reason in reasons[:5]]
    return "\n".join(f"{name:<29}{value}" for name, value in lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _with_unit(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value:.0f} {unit}"
