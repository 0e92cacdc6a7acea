"""One session, as a viewer on the same machine receives it: latencies, lip sync, cost by stage.

    python -m benchmarks.session --json

The server has its own process, a headless client runs in this one. Latencies are those of arriving
packets; ``cores_*`` are CPU seconds of the server per second while its avatar speaks all the time
(transport: all but motion, rendering and video encoding).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence

from benchmarks.report import Results, percentile, show
from benchmarks.server import server_at, status
from client import measure
from client.media import Picture
from client.peer import Peer

# It begins with an open vowel: with the first sound the mouth is open.
SENTENCE = (
    "Are you there? Please bring my five big blue boats back before the evening, "
    "and call Bob about it."
)
STORY = " ".join([SENTENCE] * 12)


async def connects(url: str, rounds: int) -> list[float]:
    """Milliseconds from the start of connecting to the first picture."""
    times = []
    for _ in range(rounds):
        async with Peer.connect(url) as peer:
            first = await peer.first_frame()
            times.append((first.arrival - peer.began) * 1e3)
    return times


async def latencies(url: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds from ``say`` to sound and an open mouth, and from ``interrupt`` to neither."""
    found: dict[str, list[float]] = {"audio": [], "mouth": [], "silence": [], "closed": []}
    async with Peer.connect(url) as peer:
        await peer.first_frame()
        asked: list[float] = []
        stopped: list[float] = []
        for _ in range(rounds):
            await asyncio.sleep(1.0)
            asked.append(time.monotonic())
            utterance = peer.say(STORY)
            await asyncio.sleep(2.5)
            stopped.append(time.monotonic())
            peer.interrupt()
            await peer.spoken(utterance)
        await asyncio.sleep(1.0)
        sounds, pictures = list(peer.audio), list(peer.video)
        opening = measure.mouth_opening(pictures, measure.speaking_pictures(pictures, sounds))
        for begin, end in zip(asked, stopped, strict=True):
            moments = {
                "audio": (begin, measure.audible_at(sounds, begin)),
                "mouth": (begin, measure.open_at(pictures, opening, begin)),
                "silence": (end, measure.silent_at(sounds, end)),
                "closed": (
                    end,
                    measure.closed_at(*_until(pictures, opening, end + 0.9), end),
                ),
            }
            for name, (since, at) in moments.items():
                if at is not None:
                    found[name].append((at - since) * 1e3)
    return found


def _until(
    pictures: Sequence[Picture], opening: measure.FloatArray, end: float
) -> tuple[Sequence[Picture], measure.FloatArray]:
    count = sum(picture.arrival < end for picture in pictures)
    return pictures[:count], opening[:count]


async def steady(url: str, seconds: float) -> dict[str, float | None]:
    """Picture rate, lip sync and cost while the avatar speaks for ``seconds``."""
    async with Peer.connect(url) as peer:
        await peer.first_frame()
        await asyncio.sleep(2.0)
        peer.say(STORY)
        peer.say(STORY)
        await asyncio.sleep(1.0)
        before, began = await asyncio.to_thread(status, url), time.monotonic()
        await asyncio.sleep(seconds)
        after, ended = await asyncio.to_thread(status, url), time.monotonic()
        peer.interrupt()
        await asyncio.sleep(1.0)
        window = [p for p in peer.video if began <= p.arrival <= ended]
        sync = measure.lip_sync_at(peer)
        lasted = ended - began
        cores = {
            stage: (after["stages"][stage]["cpu_seconds"] - before["stages"][stage]["cpu_seconds"])
            / lasted
            for stage in ("motion", "render", "encode")
        }
        total = (after["cpu_seconds"] - before["cpu_seconds"]) / lasted
        return {
            "fps": measure.frame_rate(window),
            "freezes": float(measure.freezes(window)),
            "av_offset_ms_median": sync.median_ms,
            "av_offset_ms_p95": sync.p95_ms,
            **{f"cores_{stage}": share for stage, share in cores.items()},
            "cores_transport": total - sum(cores.values()),
            "cores_total": total,
        }


async def run(url: str, rounds: int, seconds: float) -> Results:
    connected = await connects(url, rounds)
    answered = await latencies(url, rounds)
    names = {
        "audio": "say_to_audio_ms",
        "mouth": "say_to_mouth_ms",
        "silence": "interrupt_to_silence_ms",
        "closed": "interrupt_to_mouth_closed_ms",
    }
    results: dict[str, float | None] = {
        "connect_to_first_frame_ms": statistics.median(connected),
        "connect_to_first_frame_ms_p95": percentile(connected, 0.95),
    }
    for key, name in names.items():
        values = answered[key]
        results[name] = statistics.median(values) if values else None
        results[f"{name}_p95"] = percentile(values, 0.95)
    return {**results, **await steady(url, seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=10, help="repetitions of each latency")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the steady part")
    parser.add_argument("--url", help="a running server; by default one is started")
    options = parser.parse_args()
    with server_at(options.url) as url:
        results = asyncio.run(run(url, options.rounds, options.seconds))
    show("session", results, as_json=options.json)


if __name__ == "__main__":
    main()
