"""The bitrate follows what the network carries, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streaming.bandwidth import STEPS, BandwidthTarget

MOST = 1_000_000


class Network:
    """Carries ``capacity`` bits per second and says so, twice per second."""

    def __init__(self, capacity: int) -> None:
        self.now = 1000.0
        self.capacity = capacity
        self.target = BandwidthTarget(MOST, lambda: self.now)

    def run(self, seconds: float, content: float = 1.0) -> Iterator[int]:
        """Send what is aimed at, or the part ``content`` of it for easy pictures."""
        for frame in range(round(25 * seconds)):
            self.now += 0.04
            sent = content * self.target.bitrate
            self.target.sent(round(sent / 25 / 8))
            if frame % 12 == 0:
                # As receivers do: no more than one and a half times what arrives.
                self.target.believed(int(min(self.capacity, 1.5 * sent)))
            yield self.target.bitrate


def test_a_good_network_gets_all() -> None:
    assert set(Network(5_000_000).run(60)) == {MOST}


def test_easy_pictures_are_no_trouble() -> None:
    assert set(Network(5_000_000).run(60, content=0.1)) == {MOST}


@pytest.mark.parametrize("capacity", [100_000, 300_000, 500_000, 900_000])
def test_a_narrow_network_gets_what_it_carries(capacity: int) -> None:
    rates = list(Network(capacity).run(10))
    assert rates[-1] <= max(0.85 * capacity, STEPS[-1] * MOST)
    assert len(set(rates)) == 2, "one change is enough"
    assert rates.index(rates[-1]) < 4 * 25


def test_what_fails_is_tried_less_and_less() -> None:
    rates = list(Network(400_000).run(300))
    changes = [at for at in range(1, len(rates)) if rates[at] > rates[at - 1]]
    first, last = changes[1] - changes[0], changes[-1] - changes[-2]
    assert 3 <= len(changes) <= 10
    assert last > 3 * first


def test_a_network_that_recovers_gets_all_again() -> None:
    network = Network(300_000)
    for _ in network.run(10):
        pass
    network.capacity = 5_000_000
    assert list(network.run(120))[-1] == MOST
