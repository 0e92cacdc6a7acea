"""The report of a load test: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from client.load.chart import Series, line_chart
from client.load.plan import LoadPlan
from client.load.result import Session
from client.load.summary import SHARES, Moment

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5d6778; --paper: #fff;
  --panel: #f5f7fa; --line: #dde2ea; --s0: #2563eb; --s1: #d9480f; --s2: #2b8a3e;
  --good: #2b8a3e; --bad: #c92a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --soft: #97a2b4; --paper: #12161d;
  --panel: #1a202a; --line: #2c3543; --s0: #74a7ff; --s1: #ff9a66; --s2: #69d391;
  --good: #69d391; --bad: #ff8787; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1180px; margin: 0 auto; padding: 2.5rem 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
p.sub { color: var(--soft); margin: .25rem 0 1.5rem; }
.verdict { border-left: 4px solid var(--good); background: var(--panel); padding: .75rem 1rem;
  border-radius: 0 8px 8px 0; } .verdict.bad { border-color: var(--bad); }
.verdict ul { margin: .25rem 0 0; padding-left: 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .75rem;
  margin: 1.5rem 0; }
.tile { background: var(--panel); border-radius: 10px; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr));
  gap: 1rem; }
figure { margin: 0; background: var(--panel); border-radius: 10px; padding: 1rem; }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
figcaption div { margin-left: auto; } small { color: var(--soft); }
svg { width: 100%; height: auto; display: block; margin-top: .5rem; }
svg text { fill: var(--soft); font-size: 11px; } svg .grid { stroke: var(--line); }
svg path { fill: none; stroke-width: 2; stroke-linejoin: round; }
path.s0 { stroke: var(--s0); } path.s1 { stroke: var(--s1); } path.s2 { stroke: var(--s2); }
circle.s0 { fill: var(--s0); } circle.s1 { fill: var(--s1); } circle.s2 { fill: var(--s2); }
.key { font-size: .85rem; margin-left: .75rem; } .key::before { content: ""; display: inline-block;
  width: .8em; height: 3px; margin-right: .4em; vertical-align: middle; background: currentColor; }
.key.s0 { color: var(--s0); } .key.s1 { color: var(--s1); } .key.s2 { color: var(--s2); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%;
  font-variant-numeric: tabular-nums; } th, td { padding: .35rem .6rem; text-align: right;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
td.bad { color: var(--bad); }
"""

_MEASURES: Final = {
    "waited_ms": "Wait in line, ms",
    "connect_ms": "Connect, ms",
    "first_frame_ms": "First picture, ms",
    "say_to_audio_ms": "Request to first sound, ms",
    "interrupt_to_silence_ms": "Interruption to silence, ms",
    "speech_to_audio_ms": "End of speech to first sound of the answer, ms",
    "av_offset_ms": "A/V offset, ms",
    "frame_lateness_ms": "Lateness of pictures (p95 of a session), ms",
    "fps": "Pictures per second (low tail)",
    "freezes": "Freezes per session",
    "audio_gaps": "Audio gaps per session",
}


def report_page(
    plan: LoadPlan,
    summary: Mapping[str, float | None],
    moments: Sequence[Moment],
    sessions: Sequence[Session],
    broken: Sequence[str],
) -> str:
    """The whole file; ``broken`` are the thresholds that did not hold."""
    title = f"Load test: {plan.sessions} sessions, {plan.scenario.value}"
    sub = (
        f"{escape(plan.url)} · {plan.seconds:g} s with all sessions, "
        f"{plan.ramp:g} joining per second"
    )
    return "".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            f'<h1>{escape(title)}</h1><p class="sub">{sub}</p>',
            _verdict(broken),
            _tiles(summary),
            f'<div class="charts">{"".join(_charts(moments, sessions))}</div>',
            "<h2>Percentiles</h2>",
            _percentiles(summary),
            "<h2>Sessions</h2>",
            _session_table(sessions),
            "</html>",
        )
    )


def _verdict(broken: Sequence[str]) -> str:
    if not broken:
        return '<div class="verdict">All thresholds hold.</div>'
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in broken)
    return f'<div class="verdict bad">Not good enough:<ul>{reasons}</ul></div>'


def _tiles(summary: Mapping[str, float | None]) -> str:
    megabits = ((summary["audio_bytes.total"] or 0) + (summary["video_bytes.total"] or 0)) / 1e6
    shown = (
        ("sessions that held to the end", f"{summary['ok']:.0f} of {summary['sessions']:.0f}"),
        ("refused", f"{summary['refused']:.0f}"),
        ("fps of the worst session", _text(summary["fps.min"])),
        ("audio gaps", f"{summary['audio_gaps.total']:.0f}"),
        ("freezes", f"{summary['freezes.total']:.0f}"),
        ("request to sound, p95", _text(summary["say_to_audio_ms.p95"], " ms")),
        ("received", f"{megabits:.1f} MB"),
    )
    tiles = "".join(f'<div class="tile"><b>{v}</b><span>{k}</span></div>' for k, v in shown)
    return f'<div class="tiles">{tiles}</div>'


def _charts(moments: Sequence[Moment], sessions: Sequence[Session]) -> Iterable[str]:
    yield line_chart(
        "Pictures over time",
        "second of the test",
        "per second",
        (
            Series("median", [(m.second, m.fps_median) for m in moments]),
            Series("worst session", [(m.second, m.fps_min) for m in moments]),
            Series("sessions", [(m.second, m.sessions) for m in moments], steps=True),
        ),
    )
    yield line_chart(
        "Pictures against sessions",
        "sessions at the same time",
        "per second",
        (
            Series("median", _by_count(moments, lambda moment: moment.fps_median)),
            Series("worst session", _by_count(moments, lambda moment: moment.fps_min)),
        ),
    )
    yield line_chart(
        "Lateness against sessions",
        "sessions at the same time",
        "ms, latest picture of each second",
        (
            Series("median", _by_count(moments, lambda moment: moment.late_ms_median)),
            Series("worst session", _by_count(moments, lambda moment: moment.late_ms_max)),
        ),
    )
    yield line_chart(
        "How long users wait",
        "share of requests, %",
        "ms",
        (
            Series("request to sound", _sorted([t for s in sessions for t in s.say_to_audio_ms])),
            Series(
                "interruption to silence",
                _sorted([t for s in sessions for t in s.interrupt_to_silence_ms]),
            ),
            Series("connect", _sorted([s.connect_ms for s in sessions if s.connect_ms])),
        ),
    )


def _by_count(
    moments: Sequence[Moment], figure: Callable[[Moment], float]
) -> list[tuple[float, float]]:
    """The median of a figure over the seconds with the same number of sessions."""
    found: dict[int, list[float]] = {}
    for moment in moments:
        found.setdefault(moment.sessions, []).append(figure(moment))
    return [(count, float(np.median(values))) for count, values in sorted(found.items())]


def _sorted(values: Sequence[float]) -> list[tuple[float, float]]:
    """Each value with the percentage of values up to it."""
    return [(100 * (i + 1) / len(values), value) for i, value in enumerate(sorted(values))]


def _percentiles(summary: Mapping[str, float | None]) -> str:
    head = "".join(f"<th>{name}</th>" for name in SHARES)
    rows = "".join(
        f"<tr><td>{words}</td>"
        + "".join(f"<td>{_text(summary[f'{name}.{share}'])}</td>" for share in SHARES)
        + "</tr>"
        for name, words in _MEASURES.items()
    )
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{rows}</table></div>'


def _session_table(sessions: Sequence[Session]) -> str:
    names = ("session", "outcome", "connect, ms", "fps", "freezes", "audio gaps", "late p95, ms")
    rows = []
    for session in sessions:
        late = session.frame_lateness_ms[1] if session.frame_lateness_ms else None
        bad = "" if session.outcome == "ok" else ' class="bad"'
        outcome = f'<td{bad} title="{escape(session.reason)}">{session.outcome}</td>'
        figures = (session.connect_ms, session.fps, session.freezes, session.audio_gaps, late)
        cells = "".join(f"<td>{_text(figure)}</td>" for figure in figures)
        rows.append(f"<tr><td>{session.viewer + 1}</td>{outcome}{cells}</tr>")
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _text(value: float | None, unit: str = "") -> str:
    if value is None:
        return "–"
    return f"{value:.0f}{unit}" if value == int(value) or value >= 100 else f"{value:.1f}{unit}"
