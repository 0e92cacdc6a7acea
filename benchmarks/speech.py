"""How soon the face speaks what another program sends.

    python -m benchmarks.speech --json

Speech goes to ``/v1/speech`` in two ways: ``streamed`` in real time in pieces of 20 ms, as from a
microphone, and ``at_once``. It begins with an open vowel, so that the mouth opens with the first
sound. From the moment when the first PCM is sent, a viewer's times are:

- ``sound``: arrival of the first audible packet;
- ``frame``: arrival of the picture that is shown with that packet by the sender's clock, whatever
  its mouth looks like;
- ``mouth``: arrival of the first picture with a visibly open mouth.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.conversation import speech
from benchmarks.report import Results, show, spread
from benchmarks.server import server_at
from client import measure
from client.media import AUDIO_RATE, Picture, Sound
from client.peer import Peer
from streaming.protocol import Speak, SpeakEnd, Start
from streaming.resample import Resampler, to_s16

TEXT: Final = "are all of them here now"

_RATE: Final = 16_000
_PIECE: Final = _RATE // 50
_FRAME: Final = 1 / 25
_REST: Final = 1.5
"""Seconds between two utterances, in which the mouth comes to rest."""
_PATIENCE: Final = 20.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """When the first PCM was sent and when all had been heard, by ``time.monotonic()``."""

    streamed: bool
    began: float
    ended: float


@dataclass(slots=True)
class Delays:
    """Milliseconds from the first PCM, one per utterance."""

    sound: list[float] = field(default_factory=list)
    frame: list[float] = field(default_factory=list)
    mouth: list[float] = field(default_factory=list)

    def results(self, way: str) -> Results:
        return {
            **spread(f"{way}.pcm_to_sound_ms", self.sound),
            **spread(f"{way}.pcm_to_frame_ms", self.frame),
            **spread(f"{way}.pcm_to_mouth_ms", self.mouth),
        }


@asynccontextmanager
async def speaking_in(url: str, session: str) -> AsyncGenerator[ClientConnection]:
    """A socket that speaks in the running ``session``."""
    async with connect(url.replace("http", "ws", 1) + "/v1/speech") as socket:
        await socket.send(Start(rate=_RATE, session=session).model_dump_json())
        await _event(socket, "ready")
        yield socket


async def speak(socket: ClientConnection, pcm: bytes, *, streamed: bool) -> Utterance:
    """Send ``pcm`` (s16le) and wait until it has been heard."""
    await socket.send(Speak().model_dump_json())
    began = time.monotonic()
    if streamed:
        for number, start in enumerate(range(0, len(pcm), 2 * _PIECE)):
            await asyncio.sleep(began + number * _PIECE / _RATE - time.monotonic())
            await socket.send(pcm[start : start + 2 * _PIECE])
    else:
        await socket.send(pcm)
    await socket.send(SpeakEnd().model_dump_json())
    await _event(socket, "playback_finished")
    return Utterance(streamed, began, time.monotonic())


async def _event(socket: ClientConnection, kind: str) -> None:
    async with asyncio.timeout(_PATIENCE):
        while json.loads(await socket.recv())["type"] != kind:
            pass


async def run(url: str, rounds: int) -> Results:
    """Flat results of ``rounds`` utterances sent in each way, in turn."""
    pcm = to_s16(Resampler(AUDIO_RATE, _RATE).push(await speech(TEXT))).astype("<i2").tobytes()
    chance = random.Random(0)
    said = []
    async with Peer.connect(url) as peer, speaking_in(url, peer.ready.session) as socket:
        await peer.first_frame()
        for number in range(2 * rounds):
            # So that utterances begin in any phase of the 40 ms of a picture.
            await asyncio.sleep(_REST + chance.uniform(0.0, _FRAME))
            said.append(await speak(socket, pcm, streamed=number % 2 == 0))
        await asyncio.sleep(_REST)
        return delays(peer, said)


def delays(peer: Peer, said: Sequence[Utterance]) -> Results:
    """Flat results of what ``peer`` received."""
    sounds, pictures = list(peer.audio), list(peer.video)
    opening = measure.mouth_opening(pictures, measure.speaking_pictures(pictures, sounds))
    found = {True: Delays(), False: Delays()}
    for one in said:
        way, began = found[one.streamed], one.began
        heard = next((s for s in sounds if _first_sound(s, one)), None)
        if heard is None:
            continue
        way.sound.append((heard.arrival - began) * 1e3)
        shown = _shown_with(peer, heard, pictures)
        if shown is not None:
            way.frame.append((shown.arrival - began) * 1e3)
        opened = measure.open_at(pictures, opening, began)
        if opened is not None and opened < one.ended:
            way.mouth.append((opened - began) * 1e3)
    return {
        "utterances": len(said),
        **found[True].results("streamed"),
        **found[False].results("at_once"),
    }


def _first_sound(sound: Sound, said: Utterance) -> bool:
    return said.began <= sound.arrival <= said.ended and measure.audible(sound)


def _shown_with(peer: Peer, sound: Sound, pictures: Sequence[Picture]) -> Picture | None:
    """The picture that is shown as ``sound`` begins."""
    heard = peer.audio_clock.sender_time(sound.pts)
    if heard is None:
        return None
    for picture in pictures:
        begins = peer.video_clock.sender_time(picture.pts)
        if begins is not None and begins + _FRAME > heard:
            return picture
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=15, help="utterances sent each way")
    parser.add_argument("--url", help="a running server; by default one is started")
    options = parser.parse_args()
    with server_at(options.url) as url:
        results = asyncio.run(run(url, options.rounds))
    show("speech", results, as_json=options.json)


if __name__ == "__main__":
    main()
