"""The embedded model family: ships with the server, runs on one CPU core per few sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
from threadpoolctl import threadpool_limits

from avatar_server.gallery import USUAL_SIZE, Gallery
from avatar_server.models import Models
from motion.contract import MotionGenerator
from motion.features import LogMelFeatures
from motion.generator import BUILT_IN, MODEL_FILE, CausalMoDA
from motion.yardstick import Yardstick
from renderer.decoder import EmbeddedRenderer
from renderer.library import Library
from streaming.playout import Pacing


def embedded_models(library: Path | None = None, largest: int = USUAL_SIZE) -> Models:
    """The embedded models, with the built-in avatars and those in the folder ``library``.

    Without ``library``, users' avatars are in the platform's folder for their data. No pictures are
    wider than ``largest`` pixels.
    """
    # One frame is one thread's work and many sessions fill the cores: pools of threads inside
    # the libraries would only wake each other.
    cv2.setNumThreads(1)
    threadpool_limits(1)
    trained = (BUILT_IN / MODEL_FILE).is_file()
    generator: MotionGenerator[Any] = CausalMoDA.load() if trained else Yardstick()
    return Models(
        features=LogMelFeatures(),
        generator=generator,
        renderer=EmbeddedRenderer(),
        avatars=Gallery(Library(library), largest),
        pacing=Pacing(chunk=generator.chunk),
    )
