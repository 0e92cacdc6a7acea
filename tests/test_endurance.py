"""The long conversation in short: it is interrupted, goes on, and leaves nothing behind."""

from __future__ import annotations

import math

from benchmarks.endurance import Delays, run
from tests.fakes import scripted_talking
from tests.live import live_server


async def test_it_is_interrupted_goes_on_and_neither_sticks_nor_grows() -> None:
    # What each turn of the user's says: the one that interrupts, then the question.
    talking = scripted_talking(["wait a moment", "how are you"] * 8, greeting="Hello.")
    with live_server(talking) as url:
        results = await run(url, minutes=0.01, interruptions=1)
    assert results["interruptions_cut"] == 1
    assert results["turns"] == 1
    assert results["stuck"] == 0
    assert results["errors"] == 0
    assert results["tasks_growth"] == 0
    assert results["memory_growth_mb"] is not None
    assert results["memory_growth_mb"] < 50


def test_drift_is_the_change_of_the_pictures_delay_against_the_sounds() -> None:
    delays = Delays()
    for delays.period, video in enumerate((0.110, 0.115, 0.090)):
        for packet in range(50):
            delays.note("audio", packet / 50, packet / 50 + 5.0)
            delays.note("video", packet / 25, packet / 25 + 5.0 + video)
    drift = delays.drift_ms()
    assert drift is not None
    assert math.isclose(drift, 20.0, abs_tol=1e-6)
