"""The estimate of what a machine carries."""

from __future__ import annotations

import threading
from collections import defaultdict
from itertools import count

import pytest

from avatar_server.capacity import Capacity, measure_capacity
from tests.fakes import flat_models


@pytest.mark.parametrize(
    ("animating", "sending", "cores", "at_first", "at_most"),
    [
        (0.15, 0.04, 2, 4, 7),
        (0.15, 0.06, 4, 8, 11),  # the event loop has one core, however many there are
        (0.3, 0.1, 2, 2, 3),
        (1.5, 0.1, 1, 1, 1),  # slow, but not useless
    ],
)
def test_cores_and_the_event_loop_limit_sessions(
    animating: float, sending: float, cores: int, at_first: int, at_most: int
) -> None:
    capacity = Capacity(animating, sending, cores)
    assert (capacity.at_first(), capacity.at_most()) == (at_first, at_most)
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
    assert slow.sending == pytest.approx(2 * fast.sending)
    # Each of three stages takes one tick for a chunk of two frames.
    assert fast.animating >= 3 * 0.002 * 25 / 2
