"""What sound and packets of sessions cost the event loop of a server.

    python -m benchmarks.transport --json

Sessions without motion, drawing or encoding of pictures speak for some seconds, sending in turn in
three ways: through aiortc's senders and through ours, each with clocks that tick independently, and
through ours with clocks that tick together, as in the server. ``cores_*`` are CPU seconds of the
event loop's thread per second and session; the rest are ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack, RTCRtpSender
from aiortc.rtcrtpparameters import (
    RTCRtcpParameters,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpParameters,
    RTCRtpSendParameters,
)
from av.packet import Packet
from pylibsrtp import Policy, Session

from avatar_server.ice import event_loop_factory
from benchmarks.report import Results, show
from streaming.clock import SAMPLE_RATE, TICK_SECONDS, MediaClock
from streaming.encoders import OpusEncoder
from streaming.playout import Pacing, Plan, Playout
from streaming.resample import FloatArray
from streaming.rtp import RtpStream
from streaming.speech import SpeechBuffer

_PICTURE: Final = 2_000
"""Bytes of an encoded picture at 400 kbit/s."""

_PARAMETERS: Final = {
    "audio": RTCRtpCodecParameters("audio/opus", SAMPLE_RATE, 2, payloadType=111),
    "video": RTCRtpCodecParameters("video/VP8", 90_000, payloadType=96),
}
_EXTENSIONS: Final = (
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
)


@dataclass(frozen=True, slots=True)
class Way:
    """How sessions send."""

    pulled: bool
    """By aiortc's senders, from tracks."""
    together: bool
    """All clocks tick at the same moments."""


WAYS: Final = {
    "aiortc": Way(pulled=True, together=False),
    "own": Way(pulled=False, together=False),
    "own_together": Way(pulled=False, together=True),
}


class Wire:
    """Encrypts packets as a DTLS transport does and sends them to a port that nobody reads."""

    state = "connected"
    _stats_id = "wire"

    def __init__(self) -> None:
        policy = Policy(key=os.urandom(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
        self._srtp = Session(policy)
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sink.bind(("127.0.0.1", 0))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(self._sink.getsockname())

    async def _send_rtp(self, data: bytes) -> None:
        if not 192 <= data[1] <= 208:  # reports are not what is measured
            self._socket.send(self._srtp.protect(data))

    def _register_rtp_sender(self, sender: Any, parameters: Any) -> None:
        pass

    def _unregister_rtp_sender(self, sender: Any) -> None:
        pass

    def close(self) -> None:
        self._socket.close()
        self._sink.close()


class PulledTrack(MediaStreamTrack):
    """A track from which aiortc's sender takes encoded packets."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._queue: asyncio.Queue[Packet[Any]] = asyncio.Queue(50)
        self.send = self._queue.put_nowait

    async def recv(self) -> Packet[Any]:
        return await self._queue.get()


class Talker:
    """One session: its clock, speech, encoded sound and senders."""

    def __init__(self, way: Way, wire: Any, speech: FloatArray) -> None:
        self._opus = OpusEncoder()
        self._picture = os.urandom(_PICTURE)
        self._outlets: dict[str, RtpStream | PulledTrack] = {}
        self.senders: list[tuple[RTCRtpSender, RTCRtpSendParameters]] = []
        for kind, codec in _PARAMETERS.items():
            extensions = [
                RTCRtpHeaderExtensionParameters(id=number, uri=uri)
                for number, uri in enumerate(_EXTENSIONS, 1)
            ]
            known = RTCRtpParameters([codec], extensions, kind)
            outlet = PulledTrack(kind) if way.pulled else RtpStream(kind)  # type: ignore[arg-type]
            track = outlet if isinstance(outlet, PulledTrack) else outlet.track
            sender = RTCRtpSender(track, wire)
            if isinstance(outlet, RtpStream):
                outlet.connect(sender, known)
            self._outlets[kind] = outlet
            reports = RTCRtcpParameters(cname="talker")
            self.senders.append((sender, RTCRtpSendParameters([codec], extensions, kind, reports)))
        offset = 0.0 if way.together else random.uniform(0, TICK_SECONDS)
        now = asyncio.get_running_loop().time
        source = (buffer := SpeechBuffer(0)).begin("talk")
        source.push(speech, SAMPLE_RATE)
        self.playout = Playout(
            MediaClock(lambda: now() + offset), buffer, self, self, lambda cue: None, Pacing()
        )

    # As an animator: a picture for every tick.

    def request(self, plan: Plan) -> None:
        pass

    def take(self, tick: int) -> npt.NDArray[np.uint8]:
        return np.empty(0, np.uint8)

    def rewind(self, tick: int) -> None:
        pass

    # As an output.

    def publish_audio(self, pts: int, pcm: FloatArray) -> None:
        for packet in self._opus.encode(pcm, pts):
            self._outlets["audio"].send(packet)

    def publish_video(self, pts: int, image: npt.NDArray[np.uint8]) -> None:
        packet: Packet[Any] = Packet(self._picture)
        packet.pts = pts
        packet.time_base = Fraction(1, SAMPLE_RATE)
        self._outlets["video"].send(packet)


@asynccontextmanager
async def talking(way: Way, sessions: int, speech: FloatArray) -> AsyncGenerator[None]:
    wire = Wire()
    talkers = [Talker(way, wire, speech) for _ in range(sessions)]
    for talker in talkers:
        for sender, parameters in talker.senders:
            await sender.send(parameters)
    tasks = [asyncio.create_task(talker.playout.run()) for talker in talkers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for talker in talkers:
            for sender, _ in talker.senders:
                await sender.stop()
        wire.close()


async def cores(way: Way, sessions: int, seconds: float) -> float:
    """CPU seconds of this thread per second and session."""
    noise = np.random.default_rng(0).normal(0, 0.1, round((seconds + 2) * SAMPLE_RATE))
    async with talking(way, sessions, noise.astype(np.float32)):
        await asyncio.sleep(0.5)
        cpu, wall = time.thread_time(), time.monotonic()
        await asyncio.sleep(seconds)
        cpu, wall = time.thread_time() - cpu, time.monotonic() - wall
    return cpu / wall / sessions


def run(sessions: int, seconds: float, rounds: int) -> Results:
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with asyncio.Runner(loop_factory=event_loop_factory(None)) as runner:
        for _ in range(rounds):
            for name, way in WAYS.items():
                found[name].append(runner.run(cores(way, sessions, seconds)))
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        "sessions": sessions,
        **{f"cores_{name}": value for name, value in medians.items()},
        "own_to_aiortc": medians["own"] / medians["aiortc"],
        "own_together_to_aiortc": medians["own_together"] / medians["aiortc"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way")
    options = parser.parse_args()
    results = run(options.sessions, options.seconds, options.rounds)
    show("transport", results, as_json=options.json)


if __name__ == "__main__":
    main()
