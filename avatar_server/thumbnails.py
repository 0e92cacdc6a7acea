"""Small pictures of the avatars, for the page's picker."""

from __future__ import annotations

import cv2

from avatar_server.models import Models
from motion.layout import neutral_motion

SIZE = 160
"""Width and height of a thumbnail in pixels."""


def thumbnail(models: Models, name: str) -> bytes:
    """JPEG of an avatar at rest; raises :class:`UnknownAvatarError`."""
    image = models.renderer.render(models.avatar(name), neutral_motion())[0]
    small = cv2.resize(
        cv2.cvtColor(image, cv2.COLOR_YUV2BGR_I420), (SIZE, SIZE), interpolation=cv2.INTER_AREA
    )
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise RuntimeError(f"the thumbnail of {name!r} could not be encoded")
    return data.tobytes()
