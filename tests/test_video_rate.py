"""The rate of pictures: down when they come late, up again when there is room."""

from __future__ import annotations

from avatar_server.video_rate import VideoRate


def seconds(rate: VideoRate, count: int, late: float, busy: float = 0.3) -> list[int]:
    """The rate after each of ``count`` seconds of 100 pictures, a share of them ``late``."""
    after = []
    for _ in range(count):
        for i in range(100):
            rate.note(late=i < 100 * late)
        rate.second(busy)
        after.append(rate.every)
    return after


def test_late_pictures_step_the_rate_down_to_its_floor() -> None:
    assert seconds(VideoRate(), 6, late=0.5) == [1, 2, 2, 5, 5, 5]


def test_a_few_late_pictures_change_nothing() -> None:
    assert seconds(VideoRate(), 5, late=0.1) == [1] * 5


def test_one_bad_second_changes_nothing() -> None:
    rate = VideoRate()
    for _ in range(3):
        assert seconds(rate, 1, late=0.9) == [1]
        assert seconds(rate, 1, late=0.0) == [1]


def test_it_recovers_step_by_step_after_calm_seconds() -> None:
    rate = VideoRate()
    seconds(rate, 4, late=0.5)
    assert seconds(rate, 6, late=0.0, busy=0.1) == [5, 5, 2, 2, 2, 1]


def test_it_stays_down_while_there_is_no_room_for_more() -> None:
    rate = VideoRate()
    seconds(rate, 2, late=0.5)
    assert seconds(rate, 20, late=0.0, busy=0.5) == [2] * 20


def test_each_relapse_makes_it_wait_longer() -> None:
    rate = VideoRate()
    waits = []
    for _ in range(3):
        seconds(rate, 2, late=0.5)
        wait = 0
        while rate.every != 1:
            seconds(rate, 1, late=0.0)
            wait += 1
        waits.append(wait)
    assert waits == [3, 6, 12]


def test_sessions_of_different_phase_take_turns() -> None:
    rate = VideoRate()
    seconds(rate, 2, late=0.5)
    drawn = [[rate.draws(tick, phase) for tick in range(4)] for phase in (0, 1)]
    assert drawn == [[True, False, True, False], [False, True, False, True]]
