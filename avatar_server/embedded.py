"""The embedded model family: ships with the server, runs on one CPU core per few sessions."""

from __future__ import annotations

import cv2
from threadpoolctl import threadpool_limits

from avatar_server.models import Models
from motion.features import LogMelFeatures
from motion.yardstick import Yardstick
from renderer.decoder import EmbeddedRenderer
from renderer.library import avatar_names, open_avatar


def embedded_models() -> Models:
    """Load the avatars that ship with the server and what moves them."""
    # One frame is one thread's work and many sessions fill the cores: pools of threads inside
    # the libraries would only wake each other.
    cv2.setNumThreads(1)
    threadpool_limits(1)
    return Models(
        features=LogMelFeatures(),
        generator=Yardstick(),
        renderer=EmbeddedRenderer(),
        avatars={name: open_avatar(name) for name in avatar_names()},
    )
