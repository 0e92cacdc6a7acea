"""Animates the plans of one session: features, motion and rendering on the worker threads."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from avatar_server.models import Models, Moment
from motion.contract import Controls
from renderer.contract import Avatar, ImageArray
from streaming.playout import Plan
from streaming.stages import StageTimes

_MAX_PLANS: Final = 50
"""Plans that wait for a slow machine (2 s); past that the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class _Job:
    plan: Plan
    controls: Controls
    visible: bool
    """False when the tick has passed and others wait: its motion keeps the face continuous."""


class SessionAnimator:
    """Implements :class:`streaming.playout.Animator` for one session.

    States are values, so the ones after recent ticks are kept and a rewind takes up an old one.
    """

    def __init__(
        self,
        models: Models,
        avatar: Avatar,
        executor: Executor,
        stages: StageTimes,
        seed: int,
    ) -> None:
        self._models = models
        self._avatar = avatar
        self._executor = executor
        self._stages = stages
        self.controls = Controls()
        """Emotion and its strength from the next plan on."""
        self._jobs: deque[Plan] = deque(maxlen=_MAX_PLANS)
        self._wake = asyncio.Event()
        self._images: dict[int, ImageArray] = {}
        self._moments: dict[int, Moment] = {-1: models.begin(avatar, seed)}
        self._due = 0
        """First tick whose picture can still be shown."""
        self._working_on: int | None = None
        self._working_stale = False
        """Whether a rewind has overtaken the plan that is being worked on."""

    def show(self, avatar: Avatar) -> None:
        """Draw another avatar from the next picture on; the motion goes on."""
        self._avatar = avatar

    # --- playout's side -----------------------------------------------------------------------

    def request(self, plan: Plan) -> None:
        self._jobs.append(plan)
        self._wake.set()

    def take(self, tick: int) -> ImageArray | None:
        self._due = tick + 1
        ready = [t for t in self._images if t <= tick]
        # A picture that comes a tick late is better than one that stands still.
        image = self._images[max(ready)] if ready else None
        for shown in ready:
            del self._images[shown]
        return image

    def rewind(self, tick: int) -> None:
        while self._jobs and self._jobs[-1].tick >= tick:
            self._jobs.pop()
        for later in [t for t in self._images if t >= tick]:
            del self._images[later]
        for later in [t for t in self._moments if t >= tick]:
            del self._moments[later]
        if self._working_on is not None and self._working_on >= tick:
            self._working_stale = True

    # --- the worker ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Animate requested plans until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._jobs:
                plan = self._jobs.popleft()
                before = self._moment_before(plan.tick)
                # On a machine that is too slow, only the newest of the late plans is drawn.
                visible = plan.tick >= self._due or not self._jobs
                job = _Job(plan, self.controls, visible)
                self._working_on, self._working_stale = plan.tick, False
                moment, image = await loop.run_in_executor(
                    self._executor, self._animate, job, before
                )
                self._working_on = None
                if self._working_stale:
                    continue
                self._moments[plan.tick] = moment
                if image is not None:
                    self._images[plan.tick] = image

    def _moment_before(self, tick: int) -> Moment:
        """The state to go on from; older ones that no rewind can reach are forgotten."""
        newest = max(t for t in self._moments if t < tick)
        reachable = min(newest, self._due - 1)
        keep = max((t for t in self._moments if t <= reachable), default=newest)
        for old in [t for t in self._moments if t < keep]:
            del self._moments[old]
        return self._moments[newest]

    def _animate(self, job: _Job, before: Moment) -> tuple[Moment, ImageArray | None]:
        with self._stages.measure("motion"):
            speech = job.plan.speech
            motion, moment = self._models.advance(before, speech.speech, speech.ahead, job.controls)
        if not job.visible:
            return moment, None
        with self._stages.measure("render"):
            image: ImageArray = self._models.renderer.render(self._avatar, motion)[-1]
        return moment, image
