"""Still pictures of the avatars, for the page before it is connected and for its picker."""

from __future__ import annotations

import asyncio

from avatar_server.models import Models
from renderer.still import still


class Thumbnails:
    """JPEGs of avatars at rest, drawn once for avatars that come without one.

    Use from one event loop only.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._kept: dict[str, tuple[str, bytes]] = {}
        """Stamp and JPEG by name."""
        self._one_thread = asyncio.Lock()
        """A page asks for all of them, and sessions need threads as well."""

    async def jpeg(self, name: str) -> tuple[str, bytes]:
        """The stamp of an avatar and its picture.

        Raises :class:`~renderer.contract.UnknownAvatarError` or
        :class:`~renderer.contract.UnusableAvatarError`.
        """
        async with self._one_thread:
            return await asyncio.to_thread(self._jpeg, name)

    def _jpeg(self, name: str) -> tuple[str, bytes]:
        avatars = self._models.avatars
        stamp = avatars.stamp(name)
        known, image = self._kept.get(name, ("", b""))
        if known != stamp:
            image = avatars.thumbnail(name) or still(self._models.renderer, avatars.open(name))
            self._kept[name] = stamp, image
        return stamp, image
