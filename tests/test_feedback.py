"""Missing packets are sent again, but not so often that they fill the link themselves."""

from __future__ import annotations

from streaming.feedback import RepeatBudget


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
