"""How many sessions this machine carries, estimated in under a second at start.

CPU time is measured, not wall time, so that a machine that is busy while the server starts does
not count as a slow one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from avatar_server.models import Models, Step
from motion.contract import SAMPLES_PER_FRAME, Controls
from renderer.contract import Avatar
from streaming.clock import FPS, PACKET, TICK
from streaming.encoders import OpusEncoder, PictureEncoder
from streaming.resample import to_s16

_SECONDS: Final = 0.6
"""CPU seconds that the measurement takes."""

_LEAST_FRAMES: Final = 5

_SENDING: Final = 9.0
"""What the event loop spends on a packet of sound and its share of video (RTP, SRTP, sockets, the
session's clock) in parts of what encoding the sound costs; from profiles of benchmarks.load."""

_USABLE: Final = 0.8
"""Share of the cores that sessions may take; the rest is for connecting and for peaks."""

_LOOP_USABLE: Final = 0.7
"""Share of one core that the event loop may take before ticks come late."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Cores that one talking avatar takes, and what follows from that."""

    animating: float
    """Motion, rendering and encoding of pictures, on the worker threads."""
    sending: float
    """Sound and packets, on the event loop."""
    cores: int
    device: float = 0.0
    """Share of the device that animates, where it is one and not the cores."""

    def sessions(self, processes: int = 1) -> int:
        """How many run at 25 fps in so many processes; at least one in each."""
        limits = [
            _USABLE * self.cores / (self.animating + self.sending),
            processes * _LOOP_USABLE / self.sending,
        ]
        if self.device:
            limits.append(_USABLE / self.device)
        return max(processes, int(min(limits)))

    def describe(self, processes: int = 1) -> str:
        device = f" and {self.device:.2f} of the device" if self.device else ""
        return (
            f"a talking avatar takes {self.animating + self.sending:.2f} of {self.cores} cores "
            f"(animating {self.animating:.2f}, sending {self.sending:.2f}){device}: "
            f"{self.sessions(processes)} sessions"
        )


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def measure_capacity(
    models: Models,
    avatar: Avatar,
    bitrate: int,
    clock: Callable[[], float] = time.thread_time,
) -> Capacity:
    """Let ``avatar`` speak noise for a moment on this thread."""
    noise = np.random.default_rng(0).normal(0, 0.1, TICK).astype(np.float32)
    chunk = models.generator.chunk
    speech, ahead = np.resize(noise, chunk * SAMPLES_PER_FRAME), noise[:SAMPLES_PER_FRAME]
    sound = to_s16(noise[:PACKET])
    pictures, opus = PictureEncoder("VP8", bitrate), OpusEncoder()
    moment = models.begin(avatar)
    animating: list[float] = []
    encoding: list[float] = []
    device: list[float] = []
    began = clock()
    frame = 0
    while frame < _LEAST_FRAMES or clock() - began < _SECONDS:
        start, started = clock(), time.perf_counter()
        ((motion, (*_, moment)),) = models.advance([Step(moment, speech, ahead, Controls())])
        images = models.renderer.render_views([(avatar, row) for row in motion])
        if models.one_device:
            device.append((time.perf_counter() - started) / chunk)
            start = clock()
        for i, image in enumerate(images, start=frame):
            pictures.encode(image, i * TICK, i == 0)
        animated = clock()
        packets: list[Any] = []
        for packet in range(chunk * TICK // PACKET):
            packets += opus.encode(sound, frame * TICK + packet * PACKET)
        animating.append((animated - start) / chunk)
        encoding.append((clock() - animated) / chunk)
        frame += chunk
    return Capacity(
        animating=float(np.median(animating)) * FPS,
        sending=float(np.median(encoding)) * FPS * _SENDING,
        cores=usable_cores(),
        device=float(np.median(device)) * FPS if device else 0.0,
    )
