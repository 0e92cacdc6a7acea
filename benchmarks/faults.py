"""What a viewer gets over a bad network.

    python -m benchmarks.faults --json

Between a server in its own process and a headless client in this one, a relay loses, delays,
reorders, throttles or blocks packets. Measured on each network: connecting, pictures, freezes, gaps
in the sound, lip sync, and how much of the microphone's sound comes back. After a blackout of two
seconds: how long until pictures and sound are back.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from benchmarks.relay import Impairment, Relay, RelayedSignalling
from benchmarks.report import show
from benchmarks.server import running_server
from client import measure
from client.http import ConnectError
from client.load.arrivals import Arrivals
from client.load.plan import SENTENCE
from client.media import AUDIO_RATE
from client.peer import Peer

NETWORKS: Final[Mapping[str, Impairment]] = {
    "clean": Impairment(),
    "loss_1": Impairment(loss=0.01, delay=0.025),
    "loss_5": Impairment(loss=0.05, delay=0.025),
    "loss_10": Impairment(loss=0.10, delay=0.025),
    "jitter_100ms": Impairment(delay=0.025, jitter=0.1),
    "reorder_5": Impairment(delay=0.025, reorder=0.05),
    "rate_500k": Impairment(delay=0.025, rate=500_000),
    "rate_300k": Impairment(delay=0.025, rate=300_000),
}

BLACKOUT: Final = 2.0
"""Seconds without any packet."""

_MICROPHONE: Final = 4.0
"""Seconds of sound that the microphone sends."""

_STORY: Final = " ".join([SENTENCE] * 20)


async def watch(url: str, impairment: Impairment, seconds: float) -> dict[str, float | None]:
    """One session on one network: the avatar talks, then repeats what the microphone hears."""
    audio, video = Arrivals(), Arrivals()

    def on_frame(kind: str, pts: float, arrival: float) -> None:
        (audio if kind == "audio" else video).add(pts, arrival)

    async with Relay.open(impairment) as relay:
        began = time.monotonic()
        try:
            async with Peer.connect(
                url, signalling=RelayedSignalling(url, relay), on_frame=on_frame, timeout=30
            ) as peer:
                connected = time.monotonic()
                await peer.first_frame()
                await asyncio.sleep(1.5)
                peer.say(_STORY)
                await asyncio.sleep(seconds)
                peer.interrupt()
                ended = time.monotonic()
                lips = measure.lip_sync_at(peer)
                found = {
                    "connect_ms": (connected - began) * 1e3,
                    "fps": video.rate(connected, ended),
                    "freezes": float(video.freezes(ended)),
                    "frozen_s": _frozen(video.at),
                    "audio_gaps_per_min": 60 * audio.gaps() / (ended - connected),
                    "video_kbps": peer.video_clock.bytes * 8e-3 / (ended - connected),
                    "av_offset_ms_median": lips.median_ms,
                    "av_offset_ms_p95": lips.p95_ms,
                }
                # From here on only what goes to the server is impaired.
                relay.down.loss = relay.down.reorder = relay.down.jitter = 0.0
                relay.down.rate = None
                await asyncio.sleep(0.5)
                return {**found, "microphone_heard": await _echo(peer)}
        except (ConnectError, TimeoutError):
            return {"connect_ms": None}


def _frozen(arrivals: measure.FloatArray) -> float:
    """Seconds of all freezes in total."""
    gaps = np.diff(arrivals)
    limit = max(3 * gaps.mean(), gaps.mean() + measure.FREEZE) if len(gaps) else 0.0
    return float(gaps[gaps > limit].sum())


async def _echo(peer: Peer) -> float:
    """Share of a steady tone that comes back when the avatar speaks what the microphone hears."""
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(_MICROPHONE * AUDIO_RATE)) / AUDIO_RATE)
    since = time.monotonic()
    peer.microphone(True)
    await asyncio.sleep(peer.play(tone.astype(np.float32), AUDIO_RATE) + 1.5)
    peer.microphone(False)
    loud = sum(
        1
        for sound in peer.audio
        if sound.arrival >= since and np.abs(sound.pcm).max(initial=0) > measure.AUDIBLE
    )
    return loud * 0.02 / _MICROPHONE


async def black_out(url: str, rounds: int) -> dict[str, float | None]:
    """Seconds from the end of a blackout until there are pictures and sound again."""
    pictures: list[float] = []
    sounds: list[float] = []
    for _ in range(rounds):
        async with (
            Relay.open(Impairment(delay=0.025)) as relay,
            Peer.connect(url, signalling=RelayedSignalling(url, relay)) as peer,
        ):
            await peer.first_frame()
            peer.say(_STORY)
            await asyncio.sleep(2.0)
            relay.up.blackout = relay.down.blackout = True
            await asyncio.sleep(BLACKOUT)
            relay.up.blackout = relay.down.blackout = False
            back = time.monotonic()
            await asyncio.sleep(3.0)
            # The first may have been on its way; with the second the picture moves again.
            later = [picture.arrival for picture in peer.video if picture.arrival > back]
            if len(later) > 1:
                pictures.append(later[1] - back)
            heard = measure.audible_at(peer.audio, back)
            if heard is not None:
                sounds.append(heard - back)
    return {
        "picture_back_s": float(np.median(pictures)) if pictures else None,
        "sound_back_s": float(np.median(sounds)) if sounds else None,
    }


async def run(url: str, seconds: float, only: str | None) -> dict[str, float | None]:
    results: dict[str, float | None] = {}
    for name, impairment in NETWORKS.items():
        if only in (None, name):
            found = await watch(url, impairment, seconds)
            results |= {f"{name}.{key}": value for key, value in found.items()}
    if only in (None, "blackout"):
        found = await black_out(url, rounds=3)
        results |= {f"blackout_2s.{key}": value for key, value in found.items()}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=20.0, help="speech on each network")
    parser.add_argument("--only", choices=[*NETWORKS, "blackout"], help="one network")
    options = parser.parse_args()
    with running_server("--log-level", "warning") as url:
        results = asyncio.run(run(url, options.seconds, options.only))
    show("faults", results, as_json=options.json)


if __name__ == "__main__":
    main()
