"""The estimate of what a machine carries."""

from __future__ import annotations

import threading
from collections import defaultdict
from itertools import count

import pytest

from avatar_server.capacity import Capacity, measure_capacity
from tests.fakes import flat_models


@pytest.mark.parametrize(
    ("capacity", "at_first", "at_most"),
    [
        (Capacity(animating=0.12, encoding=0.03, sending=0.04, cores=2), 4, 5),
        # The event loop and the thread that animates have one core each, however many there are.
        (Capacity(animating=0.05, encoding=0.10, sending=0.06, cores=4), 8, 11),
        (Capacity(animating=0.09, encoding=0.03, sending=0.04, cores=16), 7, 7),
        (Capacity(animating=0.09, encoding=0.03, sending=0.04, cores=16, processes=4), 31, 31),
        (Capacity(animating=0.09, encoding=0.03, sending=0.04, cores=16, threads=2), 15, 15),
        (Capacity(animating=0.15, encoding=0.15, sending=0.1, cores=2), 2, 3),
        (Capacity(animating=0.0, encoding=0.05, sending=0.1, cores=4, device=0.2), 2, 3),
        # Slow, but not useless.
        (Capacity(animating=1.4, encoding=0.1, sending=0.1, cores=1), 1, 1),
    ],
)
def test_cores_threads_and_the_event_loop_limit_sessions(
    capacity: Capacity, at_first: int, at_most: int
) -> None:
    assert (capacity.at_first, capacity.at_most) == (at_first, at_most)
    assert f"{at_first} sessions" in capacity.describe()


def test_a_machine_that_is_half_as_fast_carries_half() -> None:
    def measured(tick: float) -> Capacity:
        # The threads measure at the same time, each with a clock of its own.
        clocks: defaultdict[int, count[int]] = defaultdict(count)
        models = flat_models()
        return measure_capacity(
            models,
            models.avatar("flat"),
            500_000,
            lambda: next(clocks[threading.get_ident()]) * tick,
        )

    fast, slow = measured(0.002), measured(0.004)
    assert slow.animating == pytest.approx(2 * fast.animating)
    assert slow.encoding == pytest.approx(2 * fast.encoding)
    assert slow.sending == pytest.approx(2 * fast.sending)
    # Each of three stages takes one tick for a chunk of two frames.
    assert fast.animating + fast.encoding >= 3 * 0.002 * 25 / 2
