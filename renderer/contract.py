"""The interface of avatars and face decoders, for every model family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from motion.contract import Identity
from motion.layout import FloatArray

ImageArray = npt.NDArray[np.uint8]


class UnknownAvatarError(LookupError):
    """No avatar has this name; the text lists those that exist."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no avatar {name!r}; choose from: {', '.join(known)}")


class UnusableAvatarError(ValueError):
    """An avatar's files cannot be used; the message says which file and why."""


class Avatar(Identity, Protocol):
    """A portrait prepared once and frozen; any number of sessions share it."""

    @property
    def name(self) -> str:
        """Name by which users choose it: lower case, without spaces."""

    @property
    def title(self) -> str:
        """Name as people read it."""

    @property
    def size(self) -> int:
        """Width and height in pixels of the frames it renders to."""

    @property
    def rest(self) -> FloatArray:
        """The motion [70] that reproduces its picture."""


AvatarT_contra = TypeVar("AvatarT_contra", bound=Avatar, contravariant=True)


class Renderer(Protocol[AvatarT_contra]):
    """Draws an avatar in motion. Thread-safe: no state between calls."""

    def render(self, avatar: AvatarT_contra, motion: FloatArray) -> ImageArray:
        """I420 frames [n, size * 3 / 2, size] for ``motion [n, 70]`` (BT.601, limited range).

        The layout of a frame is that of ``cv2.COLOR_BGR2YUV_I420``: the Y plane, then U and V
        at a quarter of its area each, so that it goes to the encoder without a conversion.
        """

    batch: int = 1
    """Pictures that are best drawn together."""

    def render_views(self, views: Sequence[tuple[AvatarT_contra, FloatArray]]) -> list[ImageArray]:
        """One I420 frame for each avatar under its ``motion [70]``."""
        return [self.render(avatar, motion[None])[0] for avatar, motion in views]
