"""Still pictures of the avatars, for the page before it is connected and for its picker."""

from __future__ import annotations

import cv2

from avatar_server.models import Models
from motion.layout import neutral_motion


def thumbnail(models: Models, name: str) -> bytes:
    """JPEG of an avatar at rest; raises :class:`UnknownAvatarError`."""
    image = models.renderer.render(models.avatar(name), neutral_motion())[0]
    picture = cv2.cvtColor(image, cv2.COLOR_YUV2BGR_I420)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise RuntimeError(f"the thumbnail of {name!r} could not be encoded")
    return data.tobytes()
