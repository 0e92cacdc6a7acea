"""The media clock: steady pace, no burst after a stall, never backwards."""

from __future__ import annotations

import math

import pytest

from streaming.clock import PACKET, PACKET_SECONDS, MediaClock


class Wall:
    """A wall clock that moves only when somebody sleeps or the test says so."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


async def test_packets_follow_the_wall_clock() -> None:
    wall = Wall()
    clock = MediaClock(wall.now, wall.sleep)
    samples = [await clock.wait() for _ in range(51)]
    assert samples == [PACKET * i for i in range(51)]
    assert wall.time == pytest.approx(101.0)
    assert clock.stalls == 0


async def test_small_lateness_is_caught_up() -> None:
    wall = Wall()
    clock = MediaClock(wall.now, wall.sleep)
    await clock.wait()
    wall.time += 2.5 * PACKET_SECONDS
    await clock.wait()
    await clock.wait()
    await clock.wait()
    assert wall.time == pytest.approx(100.0 + 3 * PACKET_SECONDS)
    assert clock.stalls == 0


async def test_a_stall_shifts_time_instead_of_bursting() -> None:
    wall = Wall()
    lost: list[float] = []
    clock = MediaClock(wall.now, wall.sleep, lost.append)
    await clock.wait()
    wall.time += 2.0
    first = await clock.wait()
    assert first == PACKET, "media time goes on where it stopped"
    wall.slept.clear()
    for _ in range(10):
        await clock.wait()
    assert wall.slept == pytest.approx([PACKET_SECONDS] * 10), "packets keep their distance"
    assert clock.stalls == 1
    assert lost == [pytest.approx(2.0 - PACKET_SECONDS)]


@pytest.mark.parametrize("stall", [0.0, 0.25])
async def test_clocks_of_a_process_wake_it_at_the_same_moments(stall: float) -> None:
    wall = Wall()
    wall.time += 0.013
    moments = []
    for _ in range(2):
        clock = MediaClock(wall.now, wall.sleep)
        await clock.wait()
        wall.time += 0.007 + stall
        await clock.wait()
        await clock.wait()
        moments.append(wall.time)
    assert math.remainder(moments[1] - moments[0], PACKET_SECONDS) == pytest.approx(0, abs=1e-9)


async def test_no_drift_over_an_hour() -> None:
    wall = Wall()
    clock = MediaClock(wall.now, wall.sleep)
    for _ in range(180_001):
        await clock.wait()
    assert wall.time == pytest.approx(100.0 + 3600.0, abs=1e-3)
