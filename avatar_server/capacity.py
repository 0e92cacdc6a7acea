"""How many sessions this machine carries, estimated in a second at start.

CPU time is measured, not wall time, so that a machine that is busy while the server starts does
not count as a slow one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np

from avatar_server.cores import usable_cores
from avatar_server.models import Models, Step
from avatar_server.settings import Settings
from motion.contract import SAMPLES_PER_FRAME, Controls
from renderer.contract import Avatar
from streaming.clock import FPS, PACKET, TICK
from streaming.encoders import OpusEncoder, PictureEncoder

_SECONDS: Final = 0.6
"""CPU seconds that the measurement takes."""

_LEAST_FRAMES: Final = 5

_SENDING: Final = 12.0
"""CPU time of the event loop for one audio packet and its share of video (RTP, SRTP, sockets, the
session's clock), as a multiple of encoding that packet. In benchmarks.load it was 9 to 11."""

_AT_FIRST: Final = 0.45
"""Share of the cores that sessions may take at start, before any has run. At 0.7 of two virtual
cores three were admitted at once and got 15 fps, with the clients on the same machine."""

_AT_MOST: Final = 0.7
"""Share of the cores that sessions may ever take; the rest is for connecting and for peaks."""

_LOOP_USABLE: Final = 0.7
"""Share of one core that the event loop may take before ticks come late."""

_THREAD_USABLE: Final = 0.7
"""Share of its time that a thread may animate before pictures come late: in benchmarks.load they
were on time at 0.66 with seven sessions, and no longer at 0.75 with eight."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Cores that one talking avatar takes, and what follows from that."""

    animating: float
    """Motion and rendering, on the scheduler's threads."""
    encoding: float
    """Encoding of pictures, on threads of its own."""
    sending: float
    """Sound and packets, on the event loop."""
    cores: int
    device: float = 0.0
    """Share of the device that animates, where it is one and not the cores."""
    processes: int = 1
    threads: int = 1
    """Threads that animate in each process."""

    @property
    def total(self) -> float:
        """Cores that one talking avatar takes."""
        return self.animating + self.encoding + self.sending

    @property
    def at_first(self) -> int:
        """Sessions that are certain to run at 25 fps; at least one in each process."""
        return self._sessions(_AT_FIRST)

    @property
    def at_most(self) -> int:
        """Sessions that can run at 25 fps when nothing else runs on the machine."""
        return self._sessions(_AT_MOST)

    def _sessions(self, usable: float) -> int:
        limits = [usable * self.cores / self.total, self.processes * _LOOP_USABLE / self.sending]
        if self.animating:
            limits.append(self.processes * self.threads * _THREAD_USABLE / self.animating)
        if self.device:
            limits.append(usable / self.device)
        return max(self.processes, int(min(limits)))

    def describe(self) -> str:
        device = f" and {self.device:.2f} of the device" if self.device else ""
        return (
            f"a talking avatar takes {self.total:.2f} of {self.cores} cores (animating "
            f"{self.animating:.2f}, encoding {self.encoding:.2f}, sending {self.sending:.2f})"
            f"{device}: {self.at_first} sessions, {self.at_most} if they fare well"
        )


@dataclass(frozen=True, slots=True)
class FrameCost:
    """Seconds that one frame of a talking avatar takes, by stage."""

    motion: float
    render: float
    encode: float
    sound: float
    """Encoding the sound of a frame."""


def measure_frame(
    models: Models,
    avatar: Avatar,
    bitrate: int,
    clock: Callable[[], float] = time.thread_time,
) -> FrameCost:
    """Let ``avatar`` speak noise for a moment on this thread; medians of what ``clock`` says."""
    if models.one_device:
        # Waiting for the device takes no CPU time.
        clock = time.perf_counter
    noise = np.random.default_rng(0).normal(0, 0.1, TICK).astype(np.float32)
    chunk = models.generator.chunk
    speech, ahead = np.resize(noise, chunk * SAMPLES_PER_FRAME), noise[:SAMPLES_PER_FRAME]
    sound = noise[:PACKET]
    pictures, opus = PictureEncoder("VP8", bitrate), OpusEncoder()
    moment = models.begin(avatar)
    costs: dict[str, list[float]] = {"motion": [], "render": [], "encode": [], "sound": []}

    @contextmanager
    def measured(stage: str) -> Iterator[None]:
        started = clock()
        yield
        costs[stage].append((clock() - started) / chunk)

    began, frame = clock(), 0
    while frame < _LEAST_FRAMES or clock() - began < _SECONDS:
        with measured("motion"):
            ((motion, (*_, moment)),) = models.advance([Step(moment, speech, ahead, Controls())])
        with measured("render"):
            images = models.renderer.render_views([(avatar, row) for row in motion])
        with measured("encode"):
            for i, image in enumerate(images, start=frame):
                pictures.encode(image, i * TICK, i == 0)
        with measured("sound"):
            for packet in range(chunk * TICK // PACKET):
                opus.encode(sound, frame * TICK + packet * PACKET)
        frame += chunk
    return FrameCost(**{stage: float(np.median(times)) for stage, times in costs.items()})


def capacity_for(settings: Settings, models: Models) -> Capacity:
    """What this machine carries with ``settings``."""
    return measure_capacity(
        models,
        models.avatar(settings.avatar),
        settings.video_bitrate,
        processes=settings.workers,
        threads=models.threads(settings.threads),
    )


def measure_capacity(
    models: Models,
    avatar: Avatar,
    bitrate: int,
    clock: Callable[[], float] = time.thread_time,
    *,
    processes: int = 1,
    threads: int = 1,
) -> Capacity:
    """Let ``avatar`` speak noise on all cores at once.

    The threads of this measurement contend for the interpreter, which costs about as much as the
    cold caches of a running server, where a thread works for many sessions in turn.
    ``processes`` will share the sessions, with ``threads`` that animate in each.

    A core is slower when its neighbours work too: they share caches, memory and often the very
    execution units (a frame was seen to take 1.7 times the CPU time).
    """
    if models.one_device:
        cost = measure_frame(models, avatar, bitrate)
        animating, device = 0.0, cost.motion + cost.render
    else:
        cost = _on_all_cores(lambda: measure_frame(models, avatar, bitrate, clock))
        animating, device = cost.motion + cost.render, 0.0
    return Capacity(
        animating=animating * FPS,
        encoding=cost.encode * FPS,
        sending=cost.sound * FPS * _SENDING,
        cores=usable_cores(),
        device=device * FPS,
        processes=processes,
        threads=threads,
    )


def _on_all_cores(measure: Callable[[], FrameCost]) -> FrameCost:
    """The mean of what ``measure`` returns on one thread per core, all at the same time."""
    with ThreadPoolExecutor(usable_cores()) as pool:
        running = [pool.submit(measure) for _ in range(usable_cores())]
        costs = [astuple(future.result()) for future in running]
    return FrameCost(*(float(mean) for mean in np.mean(costs, axis=0)))
