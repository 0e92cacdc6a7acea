"""The models of a process: loaded once, shared by all sessions, safe to use from any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from motion.contract import Controls, FeatureExtractor, MotionGenerator
from motion.layout import FloatArray
from renderer.contract import Avatar, Renderer


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

    def open(self, name: str) -> Avatar:
        """The avatar, ready to be drawn; takes a moment when it is met for the first time.

        Raises :class:`~renderer.contract.UnknownAvatarError` or
        :class:`~renderer.contract.UnusableAvatarError`.
        """


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of features and motion at one instant of a session; a value, never changed."""

    features: Any
    motion: Any


@dataclass(frozen=True, slots=True)
class Models:
    """One model family: what turns speech into pictures of its avatars."""

    features: FeatureExtractor[Any]
    generator: MotionGenerator[Any]
    renderer: Renderer[Any]
    avatars: Avatars

    def avatar(self, name: str) -> Avatar:
        """See :meth:`Avatars.open`."""
        return self.avatars.open(name)

    def begin(self, avatar: Avatar, seed: int) -> Moment:
        """The moment before the first frame; the same seed moves the same way."""
        return Moment(self.features.init_state(), self.generator.init_state(avatar, seed))

    def advance(
        self, moment: Moment, speech: FloatArray, ahead: FloatArray, controls: Controls
    ) -> tuple[FloatArray, Moment]:
        """Motion [n, 70] for ``speech [640 n]`` at 16 kHz, and the moment after it.

        ``ahead [640 m]`` is the sound that follows, as far as it is known.
        """
        features, after = self.features.step(moment.features, speech)
        following = (
            self.features.step(after, ahead)[0]
            if len(ahead)
            else np.empty((0, self.features.dim), np.float32)
        )
        motion, state = self.generator.step(moment.motion, features, following, controls)
        return motion, Moment(after, state)
