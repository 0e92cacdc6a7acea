"""Rate limits per client."""

from __future__ import annotations

import pytest

from avatar_server.rate_limit import RateLimit


def test_a_rate_limit_allows_a_burst_and_then_the_rate() -> None:
    now = 0.0
    limit = RateLimit(60, lambda: now)
    assert [limit.take("anna") for _ in range(10)] == [0.0] * 10
    assert limit.take("anna") == pytest.approx(1.0)
    assert limit.take("bob") == 0.0, "clients do not share it"
    now = 0.9
    assert limit.take("anna") == pytest.approx(0.1)
    now = 1.0
    assert limit.take("anna") == 0.0
    now = 1000.0
    assert sum(limit.take("anna") == 0.0 for _ in range(100)) == 10, "waiting saves up no more"


async def test_events_that_wait_for_their_turn_keep_to_the_rate() -> None:
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    limit = RateLimit(60, lambda: now, sleep)
    for _ in range(30):
        await limit.turn("anna")
    assert now == pytest.approx(20), "ten at once, then one a second"


def test_a_rate_limit_forgets_clients_that_it_has_not_seen_for_long() -> None:
    limit = RateLimit(6, lambda: 0.0)
    for number in range(20_000):
        limit.take(f"client {number}")
    assert len(limit._left) == 10_000
