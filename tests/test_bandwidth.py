"""The bitrate follows what the network carries, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from streaming.bandwidth import STEPS, BandwidthTarget

MOST = 1_000_000


class Network:
    """A link before which packets wait, and a receiver that reports like a browser's."""

    def __init__(self, capacity: int, *, buffer: float = 1.0, loss: float = 0.0) -> None:
        """``capacity`` in bits per second; ``buffer`` in seconds of it; ``loss`` at random."""
        self.now = 1000.0
        self.capacity, self.buffer, self.loss = capacity, buffer, loss
        self.belief = 80_000.0
        self.target = BandwidthTarget(MOST, lambda: self.now)
        self._waiting = 0.0
        self._random = np.random.default_rng(0)

    def run(
        self, seconds: float, content: Callable[[float], float] = lambda _: 1.0
    ) -> Iterator[int]:
        """Send what is aimed at, or the part ``content(time)`` of it for easy pictures."""
        begin, arrived, dropped, sent = self.now, 0.0, 0.0, 0.0
        for frame in range(1, round(25 * seconds) + 1):
            self.now += 0.04
            size = content(self.now - begin) * self.target.bitrate / 25
            self.target.sent(round(size / 8))
            through = self._carry(size)
            sent, arrived, dropped = sent + size, arrived + through[0], dropped + through[1]
            if frame % 12 == 0:
                lost = dropped / sent
                delay = self._waiting / self.capacity
                self.target.reported(min(1.0, lost), 0.05 + delay)
                self._believe(25 * arrived / 12, delay)
                arrived = dropped = sent = 0.0
            yield self.target.bitrate

    def _carry(self, size: float) -> tuple[float, float]:
        """Bits of a frame of ``size`` that arrive, and those that never will."""
        lost = size * self._random.binomial(5, self.loss) / 5
        self._waiting += size - lost
        arrived = min(self._waiting, self.capacity / 25)
        self._waiting -= arrived
        over = max(0.0, self._waiting - self.buffer * self.capacity)
        self._waiting -= over
        return arrived, lost + over

    def _believe(self, rate: float, delay: float) -> None:
        """As WebRTC's receivers: down with delay, else slowly up to 1.5 times what arrives."""
        if delay > 0.1:
            self.belief = min(self.belief, 0.85 * rate)
        elif self.belief < 1.5 * rate + 10_000:
            self.belief *= 1.04
        self.target.believed(int(self.belief))


def test_a_good_network_gets_all() -> None:
    assert set(Network(5_000_000).run(60)) == {MOST}


def test_a_face_that_begins_to_talk_is_no_trouble() -> None:
    """Belief is far below what is sent then, and needs half a minute to climb there."""
    network = Network(5_000_000)
    rates = set(network.run(60, lambda at: 1.0 if at % 20 > 10 else 0.08))
    assert rates == {MOST}


def test_a_receiver_short_of_time_is_no_trouble() -> None:
    """Its belief falls now and then though nothing waits and nothing is lost."""
    network = Network(5_000_000)
    for second in range(40):
        if second % 3 == 0:
            network.belief *= 0.5
        assert set(network.run(1)) == {MOST}


@pytest.mark.parametrize("loss", [0.02, 0.05, 0.1])
def test_losses_at_random_are_made_up_for_otherwise(loss: float) -> None:
    assert set(Network(5_000_000, loss=loss).run(120)) == {MOST}


@pytest.mark.parametrize("capacity", [100_000, 300_000, 500_000, 900_000])
def test_a_narrow_network_gets_what_it_carries(capacity: int) -> None:
    rates = list(Network(capacity).run(16))
    assert 0.4 * capacity <= rates[-1] <= max(capacity, STEPS[-1] * MOST)
    assert len(set(rates)) <= 4, "few changes are enough"


@pytest.mark.parametrize("capacity", [200_000, 500_000, 800_000])
def test_a_link_that_only_drops(capacity: int) -> None:
    rates = list(Network(capacity, buffer=0.0).run(12))
    assert 0.4 * capacity <= rates[-1] <= capacity


def test_what_fails_is_tried_less_and_less() -> None:
    rates = list(Network(400_000).run(300))
    changes = [at for at in range(1, len(rates)) if rates[at] > rates[at - 1]]
    first, last = changes[1] - changes[0], changes[-1] - changes[-2]
    assert 3 <= len(changes) <= 12
    assert last > 3 * first


def test_a_network_that_recovers_gets_all_again() -> None:
    network = Network(300_000)
    for _ in network.run(12):
        pass
    assert network.target.bitrate < 300_000
    network.capacity = 5_000_000
    assert list(network.run(120))[-1] == MOST
