"""The embedded avatars that a server has: a library's, prepared when they are first met."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from avatar_server.models import Listing
from renderer.avatar import EmbeddedAvatar
from renderer.library import Library

_KEPT: Final = 24
"""Prepared avatars in memory, some 10 MB each; past that, the one not met for longest is dropped
here and lives on in the sessions that show it."""


class Gallery:
    """Implements :class:`avatar_server.models.Avatars`.

    The library's folder is looked at each time, so avatars that come, change or go while the
    server runs are noticed, whoever put them there.
    """

    def __init__(self, library: Library, size: int = 512) -> None:
        self.library = library
        self._size = size
        self._prepared: OrderedDict[str, tuple[str, EmbeddedAvatar]] = OrderedDict()
        """Stamp and avatar by name, the one met last at the end."""
        self._lock = Lock()
        self._preparing = Lock()

    def listed(self) -> list[Listing]:
        return [
            Listing(name, self.library.title(name), self.library.stamp(name))
            for name in self.library.names()
        ]

    def stamp(self, name: str) -> str:
        return self.library.stamp(name)

    def open(self, name: str) -> EmbeddedAvatar:
        stamp = self.library.stamp(name)
        avatar = self._kept(name, stamp)
        if avatar is not None:
            return avatar
        # One at a time: many that are asked for together shall not slow down running sessions.
        with self._preparing:
            avatar = self._kept(name, stamp)
            if avatar is None:
                avatar = self.library.open(name, self._size)
                self._keep(name, stamp, avatar)
            return avatar

    def _kept(self, name: str, stamp: str) -> EmbeddedAvatar | None:
        with self._lock:
            known, avatar = self._prepared.get(name, ("", None))
            if avatar is None or known != stamp:
                return None
            self._prepared.move_to_end(name)
            return avatar

    def _keep(self, name: str, stamp: str, avatar: EmbeddedAvatar) -> None:
        with self._lock:
            self._prepared[name] = (stamp, avatar)
            self._prepared.move_to_end(name)
            while len(self._prepared) > _KEPT:
                self._prepared.popitem(last=False)
