"""Whether a server keeps its state over hours of use: memory, threads, files, lip sync.

    python -m benchmarks.soak --minutes 120 --json

Viewers that come, talk, interrupt and leave, politely or not, fill half the places of the server.
One viewer stays from beginning to end and reconnects if it is lost; its lips are compared with its
sound in the first and in the last minute. Quick connects follow, and offers that nobody follows up.
``growth_*`` is how much more the server holds after all have gone than after a warm-up;
``slope_mb_per_hour`` is the trend of its memory in the second half.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import SERVICE_UNAVAILABLE
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from benchmarks.report import show
from benchmarks.server import running_server
from client import measure
from client.http import ConnectError, Signalling
from client.load.arrivals import Arrivals
from client.load.plan import SENTENCE
from client.peer import Peer
from streaming.protocol import Offer

_SAMPLE_SECONDS: Final = 10.0

_STAY: Final = (5.0, 60.0)
"""Seconds that a viewer stays, at least and at most."""

_LIP_SECONDS: Final = 60.0
"""Seconds over which lips are compared with sound."""

_SENTENCE_SECONDS: Final = 60.0
"""Seconds within which a sentence must have been spoken."""

_SETTLE: Final = 40.0
"""Seconds within which all of those who left must be gone; a lost peer is noticed after 30."""

_LINE_SECONDS: Final = 30.0
"""Seconds that viewers wait in line at a full server."""

_HALF_OPEN_SECONDS: Final = 5.0
"""Seconds until the server drops an offer that nobody follows up."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the server's process holds, from ``/proc`` and ``/api/status``."""

    sessions: int
    tasks: int
    threads: int
    files: int
    sockets: int
    memory_mb: float


async def counts(http: httpx.AsyncClient) -> Counts:
    """What the server holds now."""
    status = (await http.get("/api/status")).json()
    return await asyncio.to_thread(_of_process, status)


def _of_process(status: dict[str, Any]) -> Counts:
    process = Path("/proc") / str(status["process"])
    fields = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    files = [str(entry.readlink()) for entry in (process / "fd").iterdir() if entry.is_symlink()]
    return Counts(
        status["sessions"],
        status["tasks"],
        int(fields["Threads"]),
        len(files),
        sum("socket:" in name for name in files),
        int(fields["VmRSS"].split()[0]) / 1024,
    )


async def settled(http: httpx.AsyncClient) -> Counts:
    """What the server holds once nobody is connected and its counts no longer fall."""
    until = time.monotonic() + _SETTLE
    last = await counts(http)
    while True:
        await asyncio.sleep(1.0)
        now = await counts(http)
        if time.monotonic() > until or (
            now.sessions == 0 and (now.tasks, now.files) == (last.tasks, last.files)
        ):
            return now
        last = now


class Crowd:
    """Viewers that come and go."""

    def __init__(self, url: str, seed: int = 0) -> None:
        self._url = url
        self._random = random.Random(seed)
        self.came = 0
        self.killed = 0
        self.interrupted = 0
        self.failed = 0

    async def keep_busy(self, until: float) -> None:
        """Fill one place in the server with one viewer after another."""
        while time.monotonic() < until:
            await asyncio.sleep(self._random.uniform(0.1, 3.0))
            self.came += 1
            try:
                async with Peer.connect(
                    self._url, history=2.0, decode_video=False, wait=_LINE_SECONDS
                ) as peer:
                    await self._visit(peer, min(until, time.monotonic() + self._stay()))
            except (ConnectError, TimeoutError):
                self.failed += 1

    def _stay(self) -> float:
        return self._random.uniform(*_STAY)

    async def _visit(self, peer: Peer, until: float) -> None:
        while time.monotonic() < until:
            peer.say(SENTENCE)
            await asyncio.sleep(self._random.uniform(0.5, 6.0))
            if self._random.random() < 0.5:
                self.interrupted += 1
                peer.interrupt()
        if self._random.random() < 0.5:
            self.killed += 1
            await peer.drop()


class Resident:
    """The viewer that stays; ``audio`` and ``video`` are those since it last ``joined``."""

    def __init__(self) -> None:
        self.offsets: list[measure.LipSync] = []
        self.lost = 0
        self._join()

    def _join(self) -> None:
        self.joined = time.monotonic()
        self.audio, self.video = Arrivals(), Arrivals()

    async def stay(self, url: str, until: float) -> None:
        while time.monotonic() < until:
            try:
                await self._visit(url, until)
            except (ConnectError, TimeoutError) as error:
                self.lost += 1
                sys.stderr.write(f"the viewer that stays was lost: {error!r}\n")

    async def _visit(self, url: str, until: float) -> None:
        def on_frame(kind: str, pts: float, arrival: float) -> None:
            (self.audio if kind == "audio" else self.video).add(pts, arrival)

        self._join()
        async with Peer.connect(url, history=_LIP_SECONDS, on_frame=on_frame) as peer:
            await peer.first_frame()
            compared = min(_LIP_SECONDS, (until - time.monotonic()) / 2)
            at = [time.monotonic() + compared, until]
            while at:
                await peer.spoken(peer.say(SENTENCE), timeout=_SENTENCE_SECONDS)
                await asyncio.sleep(0.5)
                if time.monotonic() >= at[0]:
                    at.pop(0)
                    self.offsets.append(measure.lip_sync_at(peer))


async def connect_quickly(url: str, times: int) -> int:
    """Connect and leave at once, four at a time; returns how many of them connected."""
    connected = 0
    limit = asyncio.Semaphore(4)

    async def once() -> None:
        nonlocal connected
        async with limit:
            try:
                async with Peer.connect(url, history=1.0, decode_video=False, wait=_LINE_SECONDS):
                    connected += 1
            except (ConnectError, TimeoutError):
                return

    await asyncio.gather(*(once() for _ in range(times)))
    return connected


async def offer_only(url: str, times: int) -> None:
    """Make offers whose peers never connect."""
    sdp = await an_offer()
    async with Signalling(url) as signalling:
        for _ in range(times):
            while True:
                try:
                    await signalling.offer(Offer(sdp=sdp, type="offer"))
                    break
                except ConnectError as error:
                    if error.status != SERVICE_UNAVAILABLE:
                        raise
                    # The server is full of earlier ones.
                    await asyncio.sleep(_HALF_OPEN_SECONDS / 2)


async def an_offer() -> str:
    """An offer like a browser's, from a connection that is already closed."""
    from aiortc import RTCConfiguration, RTCPeerConnection

    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio", "sendrecv")
    connection.addTransceiver("video", "recvonly")
    connection.createDataChannel("avatar")
    await connection.setLocalDescription(await connection.createOffer())
    sdp: str = connection.localDescription.sdp
    await connection.close()
    return sdp


async def run(
    url: str, minutes: float, viewers: int | None, cycles: int, half_open: int
) -> dict[str, float | int | None]:
    """Flat results; see the module for what they mean."""
    async with httpx.AsyncClient(base_url=url, timeout=20.0) as http:
        limit = (await http.get("/api/status")).json()["max_sessions"]
        viewers = viewers or max(2, limit // 2)
        # What is made once, at first use, is not growth.
        await connect_quickly(url, 4)
        before = await settled(http)
        crowd, resident = Crowd(url), Resident()
        memory, at = array("d"), array("d")
        began = time.monotonic()
        until = began + 60 * minutes

        async def watch() -> None:
            while time.monotonic() < until:
                memory.append((await counts(http)).memory_mb)
                at.append(time.monotonic() - began)
                await asyncio.sleep(min(_SAMPLE_SECONDS, 6 * minutes))

        async with asyncio.TaskGroup() as group:
            group.create_task(watch())
            group.create_task(resident.stay(url, until))
            for _ in range(viewers - 1):
                group.create_task(crowd.keep_busy(until))
        ended = time.monotonic()
        after = await settled(http)
        connected = await connect_quickly(url, cycles)
        await offer_only(url, half_open)
        await asyncio.sleep(_HALF_OPEN_SECONDS)
        at_last = await settled(http)
        offsets = resident.offsets or [measure.LipSync.none()]
        return {
            "minutes": (ended - began) / 60,
            "viewers": viewers,
            "came": crowd.came,
            "killed": crowd.killed,
            "interrupted": crowd.interrupted,
            "failed": crowd.failed,
            "resident_lost": resident.lost,
            "av_offset_ms_first": offsets[0].median_ms,
            "av_offset_ms_last": offsets[-1].median_ms,
            "av_offset_ms_p95_last": offsets[-1].p95_ms,
            "fps": resident.video.rate(resident.joined + 2.0, ended),
            "freezes": resident.video.freezes(ended),
            "audio_gaps": resident.audio.gaps(),
            "memory_mb": after.memory_mb,
            "slope_mb_per_hour": _slope(at, memory),
            **_growth("growth", before, after),
            "cycles_connected": connected,
            "half_open": half_open,
            **_growth("growth_after_cycles", before, at_last),
        }


def _growth(name: str, before: Counts, after: Counts) -> dict[str, float]:
    then, now = asdict(before), asdict(after)
    return {f"{name}_{count}": now[count] - then[count] for count in now}


def _slope(at: Sequence[float], memory: Sequence[float]) -> float | None:
    """MB per hour over the second half of the samples."""
    half = len(at) // 2
    if len(at) - half < 3:
        return None
    slope = float(np.polyfit(np.array(at[half:]) / 3600, np.array(memory[half:]), 1)[0])
    return slope if math.isfinite(slope) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--minutes", type=float, default=120.0, help="length of the run")
    parser.add_argument("--viewers", type=int, help="viewers at a time [half of what fits]")
    parser.add_argument("--cycles", type=int, default=200, help="quick connects afterwards")
    parser.add_argument("--half-open", type=int, default=50, help="offers that are not followed up")
    options = parser.parse_args()
    settings = {"resume_seconds": 2, "connect_timeout": _HALF_OPEN_SECONDS}
    with running_server("--log-level", "warning", **settings) as url:
        results = asyncio.run(
            run(url, options.minutes, options.viewers, options.cycles, options.half_open)
        )
    show("soak", results, as_json=options.json)


if __name__ == "__main__":
    main()
