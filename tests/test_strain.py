"""Whether sessions get what they should."""

from __future__ import annotations

import asyncio
from io import FileIO
from pathlib import Path
from typing import Any

from avatar_server.admission import Admission
from avatar_server.session_limit import SessionLimit
from avatar_server.strain import Strain
from avatar_server.video_rate import VideoRate
from avatar_server.workers.messages import REPORT, Strained
from avatar_server.workers.pool import Worker
from avatar_server.workers.process import FrontAdmission
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


def test_a_worker_tells_the_front_when_that_changes(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    with FileIO(reports, "w") as file:
        admission = FrontAdmission(file)
        for strained in (False, True, True, False, False):
            admission.second(strained)
    lines = reports.read_bytes().splitlines()
    assert [REPORT.validate_json(line) for line in lines] == [
        Strained(now=True),
        Strained(now=False),
    ]


class Process:
    """A worker process that says what it was given and ends."""

    def __init__(self, *reports: Strained) -> None:
        self.stdout = asyncio.StreamReader()
        self.stdout.feed_data(b"".join(report.line() for report in reports))
        self.stdout.feed_eof()

    async def wait(self) -> int:
        return 0


async def test_the_front_knows_which_of_its_workers_do_not_keep_up() -> None:
    process: Any = Process(Strained(now=False), Strained(now=True))
    worker = Worker(0, Path("unused"), process, Admission(SessionLimit.fixed(1)))
    assert not worker.strained
    assert await worker.run() == 0
    assert worker.strained
