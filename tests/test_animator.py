"""The animator: order, rewinding, and a machine that is too slow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from avatar_server.animator import Animation, SessionAnimator
from avatar_server.models import Models
from avatar_server.scheduler import Scheduler
from avatar_server.video_rate import VideoRate
from motion.contract import Controls
from motion.layout import EXP
from renderer.contract import Renderer
from streaming.clock import FPS, TICK
from streaming.playout import Plan
from streaming.speech import SpeechTick
from streaming.speech_source import FEATURE_TICK
from streaming.stages import StageTimes
from tests.fakes import FlatAvatar, FlatAvatars, LoudnessFeatures, LoudnessMotion
from tests.until import until


class CountingRenderer(Renderer[FlatAvatar]):
    """Paints the number of the frame that the motion counts; waits for ``gate``."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.drawn: list[int] = []
        self.error: Exception | None = None

    def render(self, avatar: FlatAvatar, motion: np.ndarray) -> np.ndarray:
        self.gate.wait(10)
        number = int(motion[-1, EXP.start + 1])
        self.drawn.append(number)
        if self.error:
            raise self.error
        return np.full((len(motion), 96, 64), number % 256, np.uint8)


def plan(tick: int, level: float = 0.0) -> Plan:
    speech = np.full(FEATURE_TICK, level, np.float32)
    empty = np.empty(0, np.float32)
    return Plan(tick, 0, SpeechTick(np.zeros(TICK, np.float32), speech, empty), due=tick / FPS)


@asynccontextmanager
async def animating(
    rate: VideoRate | None = None,
) -> AsyncGenerator[tuple[SessionAnimator, CountingRenderer]]:
    renderer = CountingRenderer()
    avatar = FlatAvatar()
    models = Models(LoudnessFeatures(), LoudnessMotion(), renderer, FlatAvatars(avatar))
    async with Scheduler(1) as scheduler:
        animation = Animation(models, scheduler, rate or VideoRate(), StageTimes())
        animator = SessionAnimator(animation, avatar, Controls())
        task = asyncio.create_task(animator.run())
        yield animator, renderer
        renderer.gate.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def drawn(renderer: CountingRenderer, count: int) -> None:
    await until(lambda: len(renderer.drawn) >= count)
    await asyncio.sleep(0.02)


async def test_pictures_come_in_order() -> None:
    async with animating() as (animator, renderer):
        for tick in range(4):
            animator.request(plan(tick))
        await drawn(renderer, 4)
        assert [int(animator.take(tick)[0, 0]) for tick in range(4)] == [0, 1, 2, 3]  # type: ignore[index]
        assert animator.take(4) is None


async def test_a_rewind_takes_up_the_state_of_the_last_picture_shown() -> None:
    async with animating() as (animator, renderer):
        for tick in range(6):
            animator.request(plan(tick))
        await drawn(renderer, 6)
        for tick in range(3):
            animator.take(tick)
        animator.rewind(3)
        for tick in range(3, 5):
            animator.request(plan(tick))
        await drawn(renderer, 8)
        assert renderer.drawn[6:] == [3, 4], "frames are counted on from the last one shown"


async def test_a_rewind_while_drawing_drops_what_is_being_drawn() -> None:
    async with animating() as (animator, renderer):
        animator.request(plan(0))
        await drawn(renderer, 1)
        animator.take(0)
        renderer.gate.clear()
        animator.request(plan(1))
        await asyncio.sleep(0.05)
        animator.rewind(1)
        animator.request(plan(1))
        renderer.gate.set()
        await drawn(renderer, 3)
        assert renderer.drawn == [0, 1, 1]
        assert animator.take(1) is not None


async def test_a_slow_machine_shows_the_newest_picture_late() -> None:
    async with animating() as (animator, renderer):
        renderer.gate.clear()
        for tick in range(5):
            animator.request(plan(tick))
            await asyncio.sleep(0.01)
            assert animator.take(tick) is None
        renderer.gate.set()
        await drawn(renderer, 2)
        assert renderer.drawn == [0, 4], "late plans in between are not drawn"
        image = animator.take(5)
        assert image is not None
        assert int(image[0, 0]) == 4, "motion went on through the plans that were not drawn"


async def test_motion_is_made_in_chunks_and_taken_up_in_the_middle_of_one() -> None:
    async with animating() as (animator, renderer):
        for tick in range(4):
            animator.request(plan(tick))
        await drawn(renderer, 4)
        assert animator._shared.models.generator.sizes == [2, 2]  # type: ignore[attr-defined]
        animator.take(0)
        animator.rewind(1)
        for tick in range(1, 3):
            animator.request(plan(tick))
        await drawn(renderer, 6)
        assert renderer.drawn[4:] == [1, 2]


async def test_at_half_the_rate_motion_goes_on_and_every_other_tick_is_drawn() -> None:
    rate = VideoRate()
    for _ in range(2):
        rate.note(late=True)
        rate.second(0.5)
    async with animating(rate) as (animator, renderer):
        for tick in range(6):
            animator.request(plan(tick))
        await drawn(renderer, 3)
        assert renderer.drawn == [0, 2, 4]
        assert [animator.take(tick) is not None for tick in range(4)] == [True, False, True, False]
        assert animator.frames_late == 0


async def test_what_the_renderer_raises_reaches_the_session() -> None:
    async with animating() as (animator, renderer):
        renderer.error = RuntimeError("the renderer broke")
        animator.request(plan(0))
        await drawn(renderer, 1)
        with pytest.raises(RuntimeError, match="the renderer broke"):
            animator.take(0)
