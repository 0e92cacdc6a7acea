"""The models of a process: loaded once, shared by all sessions, safe to use from any thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from motion.contract import Controls, FeatureExtractor, MotionGenerator, MotionRequest, Stepped
from motion.layout import FloatArray
from renderer.contract import Avatar, ImageArray, Renderer
from renderer.portrait import Portrait
from streaming.playout import Pacing
from streaming.stages import StageTimes


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of an avatar before it is opened."""

    name: str
    title: str
    stamp: str
    """Changes whenever the avatar does."""


class Avatars(Protocol):
    """The avatars of a model family. Thread-safe; reads files, so not for the event loop."""

    def listed(self) -> Sequence[Listing]:
        """All of them, sorted by name."""

    def stamp(self, name: str) -> str:
        """See :class:`Listing`; raises :class:`~renderer.contract.UnknownAvatarError`."""

    def thumbnail(self, name: str) -> bytes | None:
        """A JPEG of the avatar at rest, where one comes with it.

        Raises :class:`~renderer.contract.UnknownAvatarError`.
        """

    def open(self, name: str, size: int | None = None) -> Avatar:
        """The avatar, ready to be drawn; takes a moment on first use.

        Its pictures are ``size`` pixels wide where the family can choose, else as wide as usual.
        Raises :class:`~renderer.contract.UnknownAvatarError` or
        :class:`~renderer.contract.UnusableAvatarError`.
        """

    def unkept(self, portrait: Portrait) -> Avatar:
        """The avatar of a portrait that is not in the library.

        Raises :class:`~renderer.contract.UnusableAvatarError`.
        """


ClipMotion = Callable[[Avatar, FloatArray, Controls], FloatArray]
"""Motion [n, 70] of an avatar for a complete recording ``speech [640 n]``."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of features and motion at one instant of a session; a value, never changed."""

    features: Any
    motion: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One session's request to advance from a moment."""

    moment: Moment
    speech: FloatArray
    """The sound of the next n frames [640 n] at 16 kHz."""
    ahead: FloatArray
    """The sound after that [640 m], as far as it is known: the look-ahead."""
    controls: Controls


@dataclass(frozen=True, slots=True)
class Models:
    """One model family: what turns speech into pictures of its avatars."""

    features: FeatureExtractor[Any]
    generator: MotionGenerator[Any]
    renderer: Renderer[Any]
    avatars: Avatars
    pacing: Pacing = field(default_factory=Pacing)
    """How far ahead of the clock a session of this family has to plan."""
    clip: ClipMotion | None = None
    """Motion for files; None where the streaming generator is as good."""
    one_device: bool = False
    """Whether one device does all the work, so that a second thread would only get in its way."""
    real_time: bool = True
    """Whether this machine can be expected to keep up with one session."""

    def threads(self, wanted: int) -> int:
        """Threads that animate in a process where ``wanted`` are set."""
        return 1 if self.one_device else wanted

    def avatar(self, name: str, size: int | None = None) -> Avatar:
        """See :meth:`Avatars.open`."""
        return self.avatars.open(name, size)

    def begin(self, avatar: Avatar) -> Moment:
        """The moment before the first frame."""
        return Moment(self.features.init_state(), self.generator.init_state(avatar))

    def advance(self, steps: Sequence[Step]) -> list[Stepped[Moment]]:
        """Motion [n, 70] and the n + 1 moments around its frames, for each session."""
        heard = self.features.steps([(step.moment.features, step.speech) for step in steps])
        ahead = self.features.steps(
            [(after[-1], step.ahead) for step, (_, after) in zip(steps, heard, strict=True)]
        )
        moved = self.generator.steps(
            [
                MotionRequest(step.moment.motion, features, following, step.controls)
                for step, (features, _), (following, _) in zip(steps, heard, ahead, strict=True)
            ]
        )
        return [
            (motion, [Moment(f, m) for f, m in zip(feature_states, motion_states, strict=True)])
            for (_, feature_states), (motion, motion_states) in zip(heard, moved, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class View:
    """A face that is to be drawn."""

    avatar: Avatar
    motion: FloatArray
    """[70]"""


class MotionWork:
    """Motion of several sessions; implements :class:`avatar_server.scheduler.Work`."""

    name = "motion"
    batch = 8

    def __init__(self, models: Models, stages: StageTimes) -> None:
        self._models = models
        self._stages = stages

    def run(self, items: Sequence[Step]) -> list[Stepped[Moment]]:
        with self._stages.measure("motion"):
            return self._models.advance(items)


class RenderWork:
    """Pictures of several sessions; implements :class:`avatar_server.scheduler.Work`."""

    name = "render"

    def __init__(self, models: Models, stages: StageTimes) -> None:
        self._renderer = models.renderer
        self._stages = stages
        self.batch = models.renderer.batch

    def run(self, items: Sequence[View]) -> Sequence[ImageArray]:
        with self._stages.measure("render"):
            return self._renderer.render_views([(view.avatar, view.motion) for view in items])
