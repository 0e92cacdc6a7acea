"""Spoken turns over ``/v1/realtime``, one after another: do later ones take longer?

    python -m benchmarks.realtime --json

The turns are those of :mod:`benchmarks.conversation`, sent in real time as a client sends its
microphone: in pieces of 20 ms, with silence between turns. ``eos`` is the end of the user's
speech.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.conversation import QUESTIONS, speech
from benchmarks.report import Results, show, spread
from benchmarks.server import server_at
from client.media import AUDIO_RATE
from streaming.resample import Resampler, to_s16

_RATE: Final = 24_000
_PIECE: Final = _RATE // 50
_PATIENCE: Final = 30.0
"""Seconds to wait for an answer."""

_TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
_SOUND: Final = "response.output_audio.delta"


@dataclass(slots=True)
class _Microphone:
    """Sends what :meth:`play` gives it, and silence otherwise."""

    socket: ClientConnection
    _waiting: list[bytes] = field(default_factory=list)
    _empty: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, pcm: npt.NDArray[np.float32]) -> float:
        """Send ``pcm [n]``; returns the time when its last piece has been sent."""
        data = to_s16(pcm).astype("<i2").tobytes()
        size = 2 * _PIECE
        self._waiting += [data[at : at + size] for at in range(0, len(data), size)]
        self._empty.clear()
        await self._empty.wait()
        return time.monotonic()

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            piece = self._waiting.pop(0) if self._waiting else bytes(2 * _PIECE)
            event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(piece).decode()}
            await self.socket.send(json.dumps(event))
            if not self._waiting:
                self._empty.set()
            due += _PIECE / _RATE
            await asyncio.sleep(due - time.monotonic())


@asynccontextmanager
async def _microphone(socket: ClientConnection) -> AsyncGenerator[_Microphone]:
    microphone = _Microphone(socket)
    sending = asyncio.create_task(microphone.run())
    try:
        yield microphone
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def _arrivals(socket: ClientConnection) -> dict[str, float]:
    """When each kind of event first came, until a response is done."""
    first: dict[str, float] = {}
    async with asyncio.timeout(_PATIENCE):
        while "response.done" not in first:
            event: dict[str, Any] = json.loads(await socket.recv())
            first.setdefault(event["type"], time.monotonic())
    return first


async def run(url: str, turns: int) -> Results:
    to_rate = Resampler(AUDIO_RATE, _RATE)
    transcript: list[float] = []
    sound: list[float] = []
    address = url.replace("http", "ws", 1) + "/v1/realtime"
    async with connect(address) as socket, _microphone(socket) as microphone:
        for turn in range(turns):
            pcm = to_rate.push(await speech(QUESTIONS[turn % len(QUESTIONS)]))
            events = asyncio.create_task(_arrivals(socket))
            ended = await microphone.play(pcm)
            try:
                first = await events
            except TimeoutError:
                continue
            transcript.append((first[_TRANSCRIBED] - ended) * 1e3)
            sound.append((first[_SOUND] - ended) * 1e3)
            await asyncio.sleep(0.5)
    return {
        "turns": turns,
        "answered": len(sound),
        **spread("eos_to_transcript_ms", transcript),
        **spread("eos_to_audio_ms", sound),
        "growth_ms_per_turn": _growth(sound),
    }


def _growth(values: list[float]) -> float | None:
    """Slope of the line fitted to ``values``."""
    if len(values) < 2:
        return None
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure spoken turns over /v1/realtime.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--turns", type=int, default=15, help="turns of the user")
    parser.add_argument("--url", help="a running server; by default one is started")
    options = parser.parse_args()
    with server_at(options.url, "--log-level", "warning") as url:
        results = asyncio.run(run(url, options.turns))
    show("realtime", results, as_json=options.json)


if __name__ == "__main__":
    main()
