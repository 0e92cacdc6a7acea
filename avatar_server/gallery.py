"""The embedded avatars of a server: those of a library, prepared on first use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

from avatar_server.models import Listing
from renderer.avatar import EmbeddedAvatar, prepare
from renderer.library import Library
from renderer.portrait import Portrait

_KEPT: Final = 24
"""Prepared avatars kept in memory, some 10 MB each; beyond that the least recently used is dropped.
Sessions that show it keep it alive."""

USUAL_SIZE: Final = 512
"""Width in pixels of the pictures for clients that ask for none."""

AvatarT = TypeVar("AvatarT")


class PreparedAvatars(Generic[AvatarT]):
    """A cache of the most recently used avatars; thread-safe."""

    def __init__(self) -> None:
        self._prepared: OrderedDict[str, tuple[str, AvatarT]] = OrderedDict()
        """Stamp and avatar by name, most recently used last."""
        self._lock = Lock()
        self._preparing = Lock()

    def get(self, name: str, stamp: str, prepare: Callable[[], AvatarT]) -> AvatarT:
        """The avatar cached as ``name`` with this ``stamp``, else a newly prepared one."""
        avatar = self._kept(name, stamp)
        if avatar is not None:
            return avatar
        # One at a time, so that many requests at once do not slow down running sessions.
        with self._preparing:
            avatar = self._kept(name, stamp)
            if avatar is None:
                avatar = prepare()
                self._keep(name, stamp, avatar)
            return avatar

    def _kept(self, name: str, stamp: str) -> AvatarT | None:
        with self._lock:
            known, avatar = self._prepared.get(name, ("", None))
            if avatar is None or known != stamp:
                return None
            self._prepared.move_to_end(name)
            return avatar

    def _keep(self, name: str, stamp: str, avatar: AvatarT) -> None:
        with self._lock:
            self._prepared[name] = (stamp, avatar)
            self._prepared.move_to_end(name)
            while len(self._prepared) > _KEPT:
                self._prepared.popitem(last=False)


class Gallery:
    """Implements :class:`avatar_server.models.Avatars`.

    The library's folder is read at each call, so avatars that any program adds, changes or removes
    while the server runs are noticed.
    """

    def __init__(self, library: Library, largest: int = USUAL_SIZE) -> None:
        """No pictures are wider than ``largest`` pixels."""
        self.library = library
        self._largest = largest
        self._prepared: PreparedAvatars[EmbeddedAvatar] = PreparedAvatars()

    def listed(self) -> list[Listing]:
        return [Listing(entry.name, entry.title, entry.stamp) for entry in self.library.listed()]

    def stamp(self, name: str) -> str:
        return self.library.stamp(name)

    def thumbnail(self, name: str) -> bytes | None:
        return self.library.thumbnail(name)

    def open(self, name: str, size: int | None = None) -> EmbeddedAvatar:
        stamp, width = self.library.stamp(name), self._width(size)
        return self._prepared.get(f"{name} {width}", stamp, lambda: self.library.open(name, width))

    def unkept(self, portrait: Portrait) -> EmbeddedAvatar:
        return prepare(portrait, self._width(None))

    def _width(self, size: int | None) -> int:
        return min(size or USUAL_SIZE, self._largest)
