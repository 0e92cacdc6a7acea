"""Charts as SVG that follow the colours of the page around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 560
HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 14, 40


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one line, in the order of x."""

    name: str
    points: Sequence[tuple[float, float]]
    steps: bool = False
    """Draw stairs: for counts, which do not pass through what is between them."""


def ticks(low: float, high: float, about: int = 5, *, whole: bool = False) -> list[float]:
    """Round numbers, or ``whole`` ones, from at most ``low`` to at least ``high``."""
    span = max(high - low, 1e-9)
    rough = span / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def line_chart(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """A figure with a caption, a legend and one line per series; "" without points."""
    points = [point for line in series for point in line.points]
    if not points:
        return ""
    across = [x for x, _ in points]
    counts = all(x == int(x) for x in across)
    x_ticks = ticks(min(across), max(across), 8, whole=counts)
    y_ticks = ticks(0, max(y for _, y in points) or 1)
    to_x = _scale(x_ticks, _LEFT, WIDTH - _RIGHT)
    to_y = _scale(y_ticks, HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
    ]
    for value in y_ticks:
        y = to_y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>')
    for value in x_ticks:
        at = f'x="{to_x(value)}" y="{HEIGHT - _BOTTOM + 16}"'
        parts.append(f'<text {at} text-anchor="middle">{value:g}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{x_label}</text>')
    for number, line in enumerate(series):
        parts.append(f'<path class="s{number}" d="{_path(line, to_x, to_y)}"/>')
        if len(line.points) == 1:
            x, y = line.points[0]
            parts.append(f'<circle class="s{number}" cx="{to_x(x)}" cy="{to_y(y)}" r="3"/>')
    parts.append("</svg>")
    legend = "".join(
        f'<span class="key s{number}">{escape(line.name)}</span>'
        for number, line in enumerate(series)
    )
    caption = f"<b>{escape(title)}</b> <small>{escape(y_label)}</small>"
    return f"<figure><figcaption>{caption}<div>{legend}</div></figcaption>{''.join(parts)}</figure>"


class _Axis:
    """Maps values to pixels."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self._low, self._begin = low, begin
        self._factor = (end - begin) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return round(self._begin + (value - self._low) * self._factor, 1)


def _scale(marks: Sequence[float], begin: float, end: float) -> _Axis:
    return _Axis(marks[0], marks[-1], begin, end)


def _path(line: Series, to_x: _Axis, to_y: _Axis) -> str:
    commands: list[str] = []
    for x, y in line.points:
        if line.steps and commands:
            commands.append(f"H{to_x(x)}")
        commands.append(f"{'L' if commands else 'M'}{to_x(x)} {to_y(y)}")
    return "".join(commands)
