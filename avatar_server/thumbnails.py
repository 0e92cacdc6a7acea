"""Still pictures of the avatars, for the page before it is connected and for its picker."""

from __future__ import annotations

import cv2

from avatar_server.models import Models


class Thumbnails:
    """Pictures of avatars at rest, drawn once; thread-safe."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._drawn: dict[str, tuple[str, bytes]] = {}
        """Stamp and JPEG by name."""

    def jpeg(self, name: str) -> tuple[str, bytes]:
        """The stamp of an avatar and its picture.

        Raises :class:`~renderer.contract.UnknownAvatarError` or
        :class:`~renderer.contract.UnusableAvatarError`.
        """
        stamp = self._models.avatars.stamp(name)
        known, image = self._drawn.get(name, ("", b""))
        if known != stamp:
            image = self._draw(name)
            self._drawn[name] = stamp, image
        return stamp, image

    def _draw(self, name: str) -> bytes:
        avatar = self._models.avatar(name)
        image = self._models.renderer.render(avatar, avatar.rest[None])[0]
        picture = cv2.cvtColor(image, cv2.COLOR_YUV2BGR_I420)
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
        if not done:
            raise RuntimeError(f"the thumbnail of {name!r} could not be encoded")
        return data.tobytes()
