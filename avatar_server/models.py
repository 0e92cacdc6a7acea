"""The models of a process: loaded once, shared by all sessions, safe to use from any thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from motion.contract import Controls, FeatureExtractor, MotionGenerator
from motion.layout import FloatArray
from renderer.contract import Avatar, Renderer


class UnknownAvatarError(LookupError):
    """There is no avatar of that name; the message lists those that exist."""


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
    avatars: Mapping[str, Avatar]

    def avatar(self, name: str) -> Avatar:
        try:
            return self.avatars[name]
        except KeyError:
            names = ", ".join(self.avatars)
            message = f"there is no avatar {name!r}; choose from: {names}"
            raise UnknownAvatarError(message) from None

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
