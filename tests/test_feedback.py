"""Missing packets are sent again, but not so often that they fill the link themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiortc.rtp import RtcpReceiverInfo

from streaming.feedback import RepeatBudget, round_trip


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


def test_a_packet_is_not_repeated_while_it_may_be_on_its_way() -> None:
    clock = Clock()
    budget = RepeatBudget(lambda: 1_000_000, clock)
    assert budget.allow(7)
    assert not budget.allow(7)
    assert budget.allow(8)
    clock.now += 0.11
    assert budget.allow(7)


def test_a_storm_of_requests_gets_a_share_of_the_bitrate() -> None:
    clock = Clock()
    budget = RepeatBudget(lambda: 1_000_000, clock)
    sent = 0
    for _ in range(1000):  # 10 s in which 100 packets are asked for 100 times per second
        clock.now += 0.01
        sent += sum(budget.allow(sequence) for sequence in range(100))
    assert 250_000 < sent * 1200 * 8 / 10 < 350_000


def test_a_narrow_link_still_gets_single_packets() -> None:
    clock = Clock()
    budget = RepeatBudget(lambda: 10_000, clock)
    assert budget.allow(1)
    assert budget.allow(2)


def test_round_trips_are_read_from_reports() -> None:
    sent = 0x1234_5678_9ABC_DEF0  # NTP: 32 bits of seconds, 32 of their fractions
    report = RtcpReceiverInfo(
        ssrc=1, fraction_lost=0, packets_lost=0, highest_sequence=0, jitter=0,
        lsr=(sent >> 16) & 0xFFFFFFFF, dlsr=65536 // 2,
    )  # fmt: skip
    assert round_trip(report, sent + int(0.7 * 2**32)) == pytest.approx(0.2, abs=0.001)
    wrapped = replace(report, lsr=0xFFFF_FFFF, dlsr=0)
    assert round_trip(wrapped, (1 << 48) + (1 << 30)) == pytest.approx(0.25, abs=0.001)
    set_back = sent - (1 << 33)
    assert round_trip(report, set_back) is None, "our clock was set back"
    assert round_trip(replace(report, lsr=0, dlsr=0), sent) is None, "it follows no report of ours"
