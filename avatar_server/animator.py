"""Animates the plans of one session: its motion and its pictures, through the scheduler."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Final

import numpy as np

from avatar_server.models import Models, Moment, MotionWork, RenderWork, Step, View
from avatar_server.scheduler import Scheduler
from avatar_server.video_rate import VideoRate
from motion.contract import Controls
from motion.layout import FloatArray
from renderer.contract import Avatar, ImageArray
from streaming.clock import FPS
from streaming.playout import Plan
from streaming.stages import StageTimes

_MAX_PLANS: Final = 50
"""Plans that wait for a slow machine (2 s); past that the oldest are dropped."""


class Animation:
    """What the animators of a process share."""

    def __init__(
        self, models: Models, scheduler: Scheduler, rate: VideoRate, stages: StageTimes
    ) -> None:
        self.models = models
        self.scheduler = scheduler
        self.rate = rate
        self.motion = MotionWork(models, stages)
        self.render = RenderWork(models, stages)


class SessionAnimator:
    """Implements :class:`streaming.playout.Animator` for one session.

    Motion is made in chunks, as far as plans reach, and each of its frames is drawn on its own.
    States are values, so the ones after recent ticks are kept and a rewind takes up an old one.
    """

    def __init__(self, animation: Animation, avatar: Avatar, controls: Controls) -> None:
        self._shared = animation
        self._avatar = avatar
        self.controls = controls
        """Set by the client; applies from the next plan on."""
        self._phase = controls.seed
        self._jobs: deque[Plan] = deque(maxlen=_MAX_PLANS)
        self._wake = asyncio.Event()
        self._pictures: dict[int, asyncio.Future[ImageArray]] = {}
        """Pictures by tick that have not been shown, drawn or still waiting."""
        self._moments: dict[int, Moment] = {-1: animation.models.begin(avatar)}
        self._due = 0
        """First tick whose picture can still be shown in time."""
        self._valid_until = math.inf
        """First tick that a rewind has made invalid among the plans being worked on."""
        self.frames_late = 0
        """Pictures that were not ready when their tick was due."""

    def show(self, avatar: Avatar) -> None:
        """Draw another avatar from the next picture on; the motion goes on."""
        self._avatar = avatar

    # --- playout's side -----------------------------------------------------------------------

    def request(self, plan: Plan) -> None:
        self._jobs.append(plan)
        self._wake.set()

    def take(self, tick: int) -> ImageArray | None:
        """Raises what the renderer raised."""
        self._due = tick + 1
        if self._shared.rate.draws(tick, self._phase):
            picture = self._pictures.get(tick)
            late = picture is None or not picture.done()
            self.frames_late += late
            self._shared.rate.note(late=late)
        ready = [t for t, picture in self._pictures.items() if t <= tick and picture.done()]
        if not ready:
            return None
        # A picture that comes a tick late is better than one that stands still.
        newest = self._pictures[max(ready)]
        self._forget_pictures(before=max(ready) + 1)
        return newest.result()

    def rewind(self, tick: int) -> None:
        while self._jobs and self._jobs[-1].tick >= tick:
            self._jobs.pop()
        for later in [t for t in self._pictures if t >= tick]:
            self._pictures.pop(later).cancel()
        for later in [t for t in self._moments if t >= tick]:
            del self._moments[later]
        self._valid_until = min(self._valid_until, tick)

    # --- motion and pictures --------------------------------------------------------------------

    async def run(self) -> None:
        """Animate requested plans until cancelled. Raises what the generator raised."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._jobs:
                    await self._move()
        finally:
            self._forget_pictures(before=math.inf)

    async def _move(self) -> None:
        """Motion for the plans that wait, one chunk of them at most, and pictures of it."""
        chunk = self._shared.models.generator.chunk
        plans = [self._jobs.popleft() for _ in range(min(chunk, len(self._jobs)))]
        step = Step(
            moment=self._moment_before(plans[0].tick),
            speech=np.concatenate([plan.speech.speech for plan in plans]),
            ahead=plans[-1].speech.ahead,
            controls=self.controls,
        )
        self._valid_until = math.inf
        # Before pictures that are late already: with newer motion they need not be drawn.
        deadline = plans[0].due - self._shared.models.pacing.lead / FPS
        motion, moments = await self._shared.scheduler.submit(self._shared.motion, step, deadline)
        for plan, frame, moment in zip(plans, motion, moments[1:], strict=True):
            if plan.tick >= self._valid_until:
                break
            self._moments[plan.tick] = moment
            if self._shared.rate.draws(plan.tick, self._phase):
                self._draw(plan, frame)

    def _draw(self, plan: Plan, frame: FloatArray) -> None:
        if plan.tick < self._due:
            # The machine is too slow: of the late pictures, only the newest is worth drawing.
            for tick in [t for t, p in self._pictures.items() if t < plan.tick and not p.done()]:
                self._pictures.pop(tick).cancel()
        view = View(self._avatar, frame)
        self._pictures[plan.tick] = self._shared.scheduler.submit(
            self._shared.render, view, plan.due
        )

    def _forget_pictures(self, before: float) -> None:
        for tick in [t for t in self._pictures if t < before]:
            self._pictures.pop(tick).cancel()

    def _moment_before(self, tick: int) -> Moment:
        """The state to go on from; older ones that no rewind can reach are forgotten."""
        newest = max(t for t in self._moments if t < tick)
        reachable = min(newest, self._due - 1)
        keep = max((t for t in self._moments if t <= reachable), default=newest)
        for old in [t for t in self._moments if t < keep]:
            del self._moments[old]
        return self._moments[newest]
