"""Checks whether this machine can run the server, and says what to do where it cannot."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import av
import ifaddr
import numpy as np

from avatar_server.capacity import measure_capacity
from avatar_server.conversation.tts import SpeechSynthesisError, TextToSpeech
from avatar_server.models import Models, Step
from avatar_server.serve import ServeError, listen
from avatar_server.settings import Settings
from motion.contract import SAMPLES_PER_FRAME, Controls
from streaming.clock import FPS, TICK
from streaming.encoders import PictureEncoder

Verdict = Literal["ok", "warning", "problem"]

_CODECS: Final = ("libopus", "libvpx", "libx264", "aac")
_FRAMES: Final = 50
_PATIENCE: Final = 10.0
"""Seconds after which fewer frames have to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check, as people read it."""

    check: str
    verdict: Verdict
    message: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(settings: Settings, models: Models, engine: TextToSpeech) -> Iterator[Finding]:
    """Run all checks, the quick ones first."""
    yield _port(settings)
    yield _network()
    yield from _codecs()
    yield _voice(settings, engine)
    yield from _speed(settings, models)
    yield _capacity(settings, models)


def _port(settings: Settings) -> Finding:
    try:
        listen(settings.host, settings.port).close()
    except ServeError as error:
        return Finding("port", "problem", str(error))
    return Finding("port", "ok", f"{settings.host} port {settings.port} is free")


def _network() -> Finding:
    addresses = [
        ip.ip
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str) and not ip.ip.startswith("127.")
    ]
    if not addresses:
        return Finding(
            "network",
            "warning",
            "only a loopback interface was found: WebRTC offers no address on it. "
            "Bring up a network interface.",
        )
    return Finding("network", "ok", f"media is offered on {', '.join(addresses)}")


def _codecs() -> Iterator[Finding]:
    for name in _CODECS:
        try:
            av.Codec(name, "w")
            yield Finding(f"codec {name}", "ok", "found")
        except ValueError:
            yield Finding(
                f"codec {name}",
                "problem",
                "missing from this build of PyAV; install the wheel: pip install --force av",
            )


def _voice(settings: Settings, engine: TextToSpeech) -> Finding:
    async def speak() -> float:
        started = time.perf_counter()
        samples = 0.0
        async for chunk in engine.synthesize("The quick brown fox jumps.", settings.voice):
            samples += len(chunk.pcm) / chunk.rate
        return samples / (time.perf_counter() - started)

    try:
        factor = asyncio.run(speak())
    except SpeechSynthesisError as error:
        return Finding("voice", "problem", str(error))
    return Finding(
        "voice", "ok", f"{settings.voice} speaks {factor:.0f} times as fast as real time"
    )


def _speed(settings: Settings, models: Models) -> Iterator[Finding]:
    """Milliseconds per frame of each stage on one thread, and the sessions that makes."""
    avatar = models.avatar(settings.avatar)
    moment = models.begin(avatar)
    noise = np.random.default_rng(0).normal(0, 0.1, TICK).astype(np.float32)
    encoder = PictureEncoder("VP8", settings.video_bitrate)
    stages: dict[str, list[float]] = {"motion": [], "render": [], "encode": []}

    def timed(stage: str, work: Callable[..., Any], *args: object) -> Any:
        started = time.perf_counter()
        result = work(*args)
        stages[stage].append((time.perf_counter() - started) * 1e3)
        return result

    chunk = models.generator.chunk
    speech, ahead = np.resize(noise, chunk * SAMPLES_PER_FRAME), noise[:SAMPLES_PER_FRAME]
    deadline = time.perf_counter() + _PATIENCE
    for number in range(-(-_FRAMES // chunk)):
        if number and time.perf_counter() > deadline:
            break
        step = Step(moment, speech, ahead, Controls())
        ((motion, (*_, moment)),) = timed("motion", models.advance, [step])
        for frame, row in enumerate(motion, start=number * chunk):
            image = timed("render", models.renderer.render, avatar, row[None])[0]
            timed("encode", encoder.encode, image, frame * TICK, frame == 0)
    medians = {stage: statistics.median(times) for stage, times in stages.items()}
    medians["motion"] /= chunk
    total = sum(medians.values())
    shares = ", ".join(f"{stage} {ms:.1f}" for stage, ms in medians.items())
    where = "the device" if models.one_device else "one core"
    message = f"{total:.1f} ms of {where} per frame ({shares}); real time allows {1000 / FPS:.0f}"
    if total > 1000 / FPS:
        yield Finding("speed", "problem", f"{message}. This machine is too slow for one session.")
    elif total > 500 / FPS:
        yield Finding("speed", "warning", f"{message}. Expect dropped frames when it is busy.")
    else:
        yield Finding("speed", "ok", message)


def _capacity(settings: Settings, models: Models) -> Finding:
    if settings.max_sessions is not None:
        return Finding("capacity", "ok", f"max_sessions is set to {settings.max_sessions}")
    avatar = models.avatar(settings.avatar)
    capacity = measure_capacity(models, avatar, settings.video_bitrate)
    return Finding("capacity", "ok", capacity.describe())
