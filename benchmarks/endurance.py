"""A long conversation with many interruptions: does anything drift, get stuck or grow?

    python -m benchmarks.endurance --json

It runs in real time with the local engines; a headless client plays the user's voice as its
microphone. In each of as many periods as there are interruptions, the user talks over the avatar
once and asks questions, at least one, for the rest. An exchange after which the conversation is not
listening again within a few seconds counts as stuck. Memory and tasks are the server's, at the end
of the first and of the last period. ``av_drift_ms_max`` is how far sound and picture have drifted
apart at the receiver since the first period, by the median delays of their packets.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal

import httpx
import numpy as np

from benchmarks.conversation import QUESTIONS, Found, ask, begin, interrupt
from benchmarks.report import Results, show
from benchmarks.server import server_at
from client.peer import Peer
from streaming.protocol import ConversationState, ErrorEvent

_RATE: Final = 48_000
_SETTLE: Final = 20.0
"""Seconds within which an exchange must end."""

Kind = Literal["audio", "video"]


@dataclass(slots=True)
class Delays:
    """Arrival minus pts of every packet, by period."""

    period: int = 0
    found: defaultdict[tuple[int, Kind], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def note(self, kind: Kind, pts: float, arrival: float) -> None:
        self.found[self.period, kind].append(arrival - pts)

    def drift_ms(self) -> float | None:
        """Largest change since the first period of the picture's delay minus the sound's."""
        offsets = [
            statistics.median(self.found[period, "video"])
            - statistics.median(self.found[period, "audio"])
            for period in range(self.period + 1)
            if self.found[period, "video"] and self.found[period, "audio"]
        ]
        return max((abs(o - offsets[0]) * 1e3 for o in offsets), default=None)


@dataclass(frozen=True, slots=True)
class Load:
    """What the server uses."""

    memory_mb: float
    tasks: int


async def load_of(url: str) -> Load:
    async with httpx.AsyncClient(base_url=url) as http:
        metrics = (await http.get("/metrics")).text
        tasks = (await http.get("/api/status")).json()["tasks"]
    resident = re.search(r"^process_resident_memory_bytes (\S+)", metrics, re.MULTILINE)
    return Load(float(resident[1]) / 1e6 if resident else 0.0, tasks)


async def settled(peer: Peer) -> bool:
    """Whether it becomes the user's turn in time."""

    def state() -> str:
        states = (h.event for h in reversed(peer.events) if isinstance(h.event, ConversationState))
        return next((event.state for event in states), "off")

    try:
        while state() != "listening":
            after = time.monotonic()
            await peer.event(ConversationState, after=after, timeout=_SETTLE)
    except TimeoutError:
        return state() == "listening"
    return True


async def run(url: str, minutes: float, interruptions: int) -> Results:
    found, delays = Found(), Delays()
    cut = stuck = 0
    first: Load | None = None
    async with Peer.connect(url, history=5.0, decode_video=False, on_frame=delays.note) as peer:
        peer.play(np.zeros(_RATE // 10, np.float32), _RATE)
        await begin(peer, rest=0.0)
        await settled(peer)
        start = time.monotonic()
        for period in range(interruptions):
            delays.period = period
            until = start + 60 * minutes * (period + 1) / interruptions
            cut += await interrupt(peer) is not None
            stuck += not await settled(peer)
            while True:
                await ask(peer, QUESTIONS[found.turns % len(QUESTIONS)], found)
                stuck += not await settled(peer)
                if time.monotonic() >= until:
                    break
            first = first or await load_of(url)
        last = await load_of(url)
        seconds = time.monotonic() - start
        errors = sum(isinstance(h.event, ErrorEvent) and h.arrival > start for h in peer.events)
    assert first is not None
    return {
        "minutes": seconds / 60,
        "interruptions": interruptions,
        "interruptions_cut": cut,
        "turns": found.turns,
        "turns_answered": found.answered,
        "stuck": stuck,
        "errors": errors,
        "av_drift_ms_max": delays.drift_ms(),
        "memory_first_mb": first.memory_mb,
        "memory_growth_mb": last.memory_mb - first.memory_mb,
        "tasks_first": first.tasks,
        "tasks_growth": last.tasks - first.tasks,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a long conversation with interruptions.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--interruptions", type=int, default=20)
    parser.add_argument("--url", help="a running server; by default one is started")
    options = parser.parse_args()
    if options.minutes <= 0 or options.interruptions < 1:
        parser.error("give more than 0 minutes and at least one interruption")
    with server_at(options.url, "--log-level", "warning") as url:
        results = asyncio.run(run(url, options.minutes, options.interruptions))
    show("endurance", results, as_json=options.json)


if __name__ == "__main__":
    main()
