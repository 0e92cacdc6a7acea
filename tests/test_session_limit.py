"""The limit that follows how sessions fare."""

from __future__ import annotations

from avatar_server.session_limit import SessionLimit


def seconds(limit: SessionLimit, count: int, running: int, *, strained: bool) -> int:
    """The limit after ``count`` such seconds."""
    for _ in range(count):
        limit.second(running, strained=strained)
    return limit.now


def until(limit: SessionLimit, sessions: int, running: int) -> int:
    """Good seconds until so many may run."""
    waited = 0
    while limit.now != sessions:
        limit.second(running, strained=False)
        waited += 1
    return waited


def test_a_few_bad_seconds_now_and_then_change_nothing() -> None:
    limit = SessionLimit(first=3, most=3)
    for _ in range(5):
        assert seconds(limit, 4, running=3, strained=True) == 3
        assert seconds(limit, 8, running=3, strained=False) == 3


def test_where_every_other_second_is_bad_there_are_too_many() -> None:
    limit = SessionLimit(first=3, most=3)
    for _ in range(20):
        seconds(limit, 1, running=3, strained=True)
        seconds(limit, 1, running=3, strained=False)
    assert limit.now == 2


def test_while_it_is_bad_there_are_fewer_than_run_but_one_always() -> None:
    limit = SessionLimit(first=10, most=10)
    assert seconds(limit, 20, running=6, strained=True) == 5
    assert seconds(limit, 1, running=5, strained=True) == 4
    assert seconds(limit, 1, running=1, strained=True) == 1


def test_more_are_tried_only_when_as_many_as_may_run_have_run_well() -> None:
    limit = SessionLimit(first=2, most=4)
    assert seconds(limit, 600, running=1, strained=False) == 2, "one that runs well proves nothing"
    assert until(limit, 3, running=2) == 60
    assert until(limit, 4, running=3) == 60
    assert seconds(limit, 600, running=4, strained=False) == 4


def test_large_numbers_grow_by_a_tenth() -> None:
    limit = SessionLimit(first=50, most=100)
    assert seconds(limit, 60, running=50, strained=False) == 55


def test_each_time_that_more_were_too_many_the_next_try_comes_later() -> None:
    limit = SessionLimit(first=2, most=3)
    waits = []
    for _ in range(7):
        waits.append(until(limit, 3, running=2))
        assert seconds(limit, 5, running=3, strained=True) == 2
    assert waits == [60, 60, 120, 240, 480, 480, 480]
    until(limit, 3, running=2)
    seconds(limit, 3600, running=3, strained=False)
    seconds(limit, 5, running=3, strained=True)
    assert until(limit, 3, running=2) == 60, "what was hours ago is forgotten"


def test_a_number_that_was_set_stays() -> None:
    limit = SessionLimit.fixed(3)
    assert seconds(limit, 100, running=3, strained=True) == 3
    assert seconds(limit, 1000, running=3, strained=False) == 3
