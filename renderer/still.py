"""Still pictures of avatars."""

from __future__ import annotations

from typing import Final

import cv2

from renderer.contract import AvatarT_contra, Renderer

_QUALITY: Final = 88
"""Of JPEG, 0 to 100."""


def still(renderer: Renderer[AvatarT_contra], avatar: AvatarT_contra) -> bytes:
    """``avatar`` at rest, a JPEG."""
    image = renderer.render(avatar, avatar.rest[None])[0]
    picture = cv2.cvtColor(image, cv2.COLOR_YUV2BGR_I420)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise RuntimeError(f"a still picture of {avatar.name!r} could not be encoded")
    return data.tobytes()
