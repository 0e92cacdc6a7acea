"""Whether sessions get what they should."""

from __future__ import annotations

from avatar_server.strain import Strain
from avatar_server.video_rate import VideoRate
from streaming.figures import MediaFigures


def pictures(rate: VideoRate, count: int, late: int) -> None:
    for number in range(count):
        rate.note(late=number < late)


def test_late_pictures_and_sound_that_stood_still_are_strain() -> None:
    rate, figures = VideoRate(), MediaFigures()
    strain = Strain(rate, figures)
    assert not strain.second(), "nobody is there"
    pictures(rate, 100, late=10)
    assert not strain.second()
    pictures(rate, 100, late=11)
    assert strain.second()
    assert not strain.second(), "each second is judged for itself"
    figures.note_stall(0.1)
    assert strain.second()
    assert not strain.second()


def test_fewer_pictures_than_25_are_strain_even_if_they_come_in_time() -> None:
    rate = VideoRate()
    strain = Strain(rate, MediaFigures())
    for _ in range(2):
        pictures(rate, 25, late=25)
        rate.second(busy=1.0)
    strain.second()
    pictures(rate, 12, late=0)
    assert strain.second()
