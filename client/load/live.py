"""The load test as it runs, as a table in the terminal."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from client.load.plan import LoadPlan
from client.load.result import Second, Session
from client.load.summary import Moment, timeline


class LiveTable:
    """Context manager; give :meth:`update` everything that is reported."""

    def __init__(self, plan: LoadPlan, console: Console) -> None:
        self._plan = plan
        self._recent: dict[int, list[Second]] = {}
        self._ended: Counter[str] = Counter()
        self._now: Moment | None = None
        self._live = Live(self._table(), console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(self, report: Second | Session) -> None:
        if isinstance(report, Session):
            self._ended[report.outcome] += 1
            self._live.update(self._table())
            return
        self._recent.setdefault(report.second, []).append(report)
        # The second before the newest: the reports of all viewers are in by then.
        complete = max(self._recent) - 1
        for second in [s for s in self._recent if s < complete]:
            del self._recent[second]
        if found := timeline(self._recent.get(complete, ()), self._plan):
            self._now = found[0]
            self._live.update(self._table())

    def _table(self) -> Table:
        plan, now = self._plan, self._now
        table = Table(title=f"{plan.scenario.value}: {plan.sessions} sessions at {plan.url}")
        for name in ("second", "sessions", "fps, median", "fps, worst", "latest frame", "ended"):
            table.add_column(name, justify="right")
        ended = ", ".join(f"{count} {name}" for name, count in self._ended.items()) or "0"
        if now is None:
            table.add_row("0", "0", "", "", "", ended)
        else:
            table.add_row(
                f"{now.second} of {plan.end:.0f}",
                str(now.sessions),
                f"{now.fps_median:.0f}",
                _coloured(now.fps_min),
                f"{now.late_ms_max:.0f} ms",
                ended,
            )
        return table


def _coloured(fps: float) -> str:
    colour = "green" if fps >= 24 else "yellow" if fps >= 20 else "red"
    return f"[{colour}]{fps:.0f}[/]"
