"""The scheduler: deadlines, batches, failures and work that never comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from avatar_server.scheduler import Scheduler, WorkHungError
from tests.until import until


class Doubling:
    """Doubles numbers, in batches; waits for ``gate``, fails for 13 and hangs for 666."""

    name = "doubling"

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.batches: list[list[int]] = []
        self.released = threading.Event()

    def run(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.began.set()
        self.gate.wait(10)
        if 13 in items:
            raise ValueError("13 cannot be doubled")
        if 666 in items:
            self.released.wait(10)
        return [2 * item for item in items]


async def held(scheduler: Scheduler, work: Doubling) -> asyncio.Future[int]:
    """A run that keeps the only thread busy until the gate opens."""
    work.gate.clear()
    first = scheduler.submit(work, 0, 0.0)
    await asyncio.to_thread(work.began.wait, 10)
    return first


async def test_the_most_urgent_is_done_first() -> None:
    work = Doubling()
    async with Scheduler(1) as scheduler:
        first = await held(scheduler, work)
        later = [scheduler.submit(work, item, deadline) for item, deadline in ((1, 3), (2, 1))]
        work.gate.set()
        assert await asyncio.gather(first, *later) == [0, 2, 4]
    assert work.batches == [[0], [2], [1]]


async def test_kinds_of_work_are_ordered_by_their_most_urgent_item() -> None:
    one, other = Doubling(), Doubling()
    order: list[str] = []
    async with Scheduler(1) as scheduler:
        first = await held(scheduler, one)
        waiting = [scheduler.submit(one, 1, 2.0), scheduler.submit(other, 2, 1.0)]
        for name, future in zip(("one", "other"), waiting, strict=True):
            future.add_done_callback(lambda _, name=name: order.append(name))  # type: ignore[misc]
        one.gate.set()
        await asyncio.gather(first, *waiting)
        await asyncio.sleep(0)
    assert order == ["other", "one"]


async def test_items_that_wait_are_done_as_a_batch() -> None:
    work = Doubling(batch=4)
    async with Scheduler(1) as scheduler:
        first = await held(scheduler, work)
        rest = [scheduler.submit(work, i, float(i)) for i in range(1, 7)]
        work.gate.set()
        assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8, 10, 12]
    assert work.batches == [[0], [1, 2, 3, 4], [5, 6]]


async def test_a_thread_takes_its_share_only() -> None:
    work = Doubling(batch=8)
    async with Scheduler(2) as scheduler:
        futures = [scheduler.submit(work, i, float(i)) for i in range(8)]
        await asyncio.gather(*futures)
    assert max(len(batch) for batch in work.batches) == 4


async def test_what_is_cancelled_before_its_turn_is_not_done() -> None:
    work = Doubling()
    async with Scheduler(1) as scheduler:
        first = await held(scheduler, work)
        gone, kept = scheduler.submit(work, 1, 1.0), scheduler.submit(work, 2, 2.0)
        gone.cancel()
        work.gate.set()
        assert [await first, await kept] == [0, 4]
        assert scheduler.waiting == 0
    assert work.batches == [[0], [2]]


async def test_one_bad_item_does_not_spoil_its_batch() -> None:
    work = Doubling(batch=4)
    async with Scheduler(1) as scheduler:
        first = await held(scheduler, work)
        items = [scheduler.submit(work, item, 1.0) for item in (1, 13, 2)]
        work.gate.set()
        results = await asyncio.gather(first, *items, return_exceptions=True)
    assert results[:2] == [0, 2]
    assert results[3] == 4
    assert isinstance(results[2], ValueError)


async def test_work_that_hangs_is_given_up_and_its_thread_replaced() -> None:
    work = Doubling()
    async with Scheduler(1, watchdog_seconds=0.1) as scheduler:
        with pytest.raises(WorkHungError, match="doubling does not answer"):
            await scheduler.submit(work, 666, 1.0)
        assert await scheduler.submit(work, 4, 2.0) == 8
        assert scheduler.hangs == 1
    work.released.set()


async def test_nobody_waits_for_anothers_long_item() -> None:
    work = Doubling()
    before = threading.active_count()
    async with Scheduler(1, stand_in_seconds=0.05) as scheduler:
        slow = scheduler.submit(work, 666, 1.0)
        assert await scheduler.submit(work, 4, 2.0) == 8
        assert not slow.done()
        work.released.set()
        assert await slow == 2 * 666
        # The stand-in keeps the place.
        await until(lambda: threading.active_count() <= before + 1)
        assert await scheduler.submit(work, 5, 3.0) == 10


async def test_where_runs_must_not_overlap_a_long_one_is_waited_for() -> None:
    work = Doubling()
    async with Scheduler(1, watchdog_seconds=0.2, stand_in_seconds=None) as scheduler:
        slow, next_ = scheduler.submit(work, 666, 1.0), scheduler.submit(work, 4, 2.0)
        with pytest.raises(WorkHungError):
            await slow
        assert await next_ == 8
    assert work.batches == [[666], [4]]
    work.released.set()


async def test_closing_cancels_what_waits_and_ends_the_threads() -> None:
    work = Doubling()
    before = threading.active_count()
    async with Scheduler(2) as scheduler:
        await scheduler.submit(work, 1, 1.0)
        work.gate.clear()
        waiting = [scheduler.submit(work, i, float(i)) for i in range(4)]
        await asyncio.sleep(0)
    work.gate.set()
    assert all(future.cancelled() or not future.done() for future in waiting)
    await until(lambda: threading.active_count() <= before)
