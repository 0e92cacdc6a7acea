"""The soak, for some seconds instead of hours."""

from __future__ import annotations

from benchmarks.soak import run
from tests.live import live_server


async def test_a_short_soak_leaves_nothing_behind() -> None:
    with live_server(max_sessions=60, connect_timeout=1, resume_seconds=0) as url:
        found = await run(url, minutes=0.1, viewers=2, cycles=12, half_open=50)
    assert found["viewers"] == 2
    assert found["came"]
    assert found["failed"] == 0
    assert found["cycles_connected"] == 12
    for phase in ("growth", "growth_after_cycles"):
        assert found[f"{phase}_sessions"] == 0
        assert (found[f"{phase}_sockets"] or 0) <= 0
        assert (found[f"{phase}_tasks"] or 0) <= 0
