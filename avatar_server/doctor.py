"""Checks whether this machine can run the server, and says what to do where it cannot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import av
import ifaddr

from avatar_server.capacity import capacity_for, measure_frame
from avatar_server.conversation.tts import SpeechSynthesisError, TextToSpeech
from avatar_server.models import Models
from avatar_server.serve import ServeError, listen
from avatar_server.settings import Settings
from streaming.clock import FPS

Verdict = Literal["ok", "warning", "problem"]

_CODECS: Final = ("libopus", "libvpx", "libx264", "aac")


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
    """Milliseconds per frame of each stage on one thread."""
    avatar = models.avatar(settings.avatar)
    cost = measure_frame(models, avatar, settings.video_bitrate)
    stages = {"motion": cost.motion, "render": cost.render, "encode": cost.encode}
    total = 1000 * sum(stages.values())
    shares = ", ".join(f"{stage} {1000 * seconds:.1f}" for stage, seconds in stages.items())
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
    return Finding("capacity", "ok", capacity_for(settings, models).describe())
