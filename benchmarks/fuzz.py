"""Broken input for everything in the server that reads input.

    python -m benchmarks.fuzz --json

Good inputs are mangled at random and given to their reader, which must accept each or refuse it
with its documented error; ``crashes`` counts anything else. The HTTP API has fuzz tests of its own:
``tests/test_openapi.py`` and ``tests/test_http_fuzz.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from avatar_server.offline import MediaFileError, read_audio
from benchmarks.report import show
from benchmarks.soak import an_offer
from renderer.photo.picture import PictureError, decode_picture
from streaming.protocol import ProtocolError, read_client_event, read_socket_event
from streaming.sdp import BadOfferError, check_offer

_EVENTS: Final = (
    {"type": "say", "text": "hello", "utterance": "u"},
    {"type": "express", "emotion": "happiness", "intensity": 0.5, "seed": 7},
    {"type": "start", "rate": 24000, "session": "x", "avatar": "mira"},
    {"type": "converse", "on": True, "persona": "mira"},
)


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of input: good samples, what reads it, and the error with which it is refused."""

    samples: tuple[bytes, ...]
    read: Callable[[bytes], object]
    refusal: type[Exception]


def mangled(sample: bytes, chance: random.Random) -> bytes:
    """``sample`` with some of its bytes changed, lost, doubled or cut off."""
    data = bytearray(sample)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data)) if data else 0
        length = chance.choice((1, 2, 4, 64))
        match chance.randrange(5):
            case 0:
                data[at : at + length] = chance.randbytes(length)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + 4] = chance.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
            case 4 if chance.random() < 0.2:
                del data[at:]
    return bytes(data)


def _pictures() -> tuple[bytes, ...]:
    picture = np.random.default_rng(0).integers(0, 255, (300, 260, 3), np.uint8)
    return tuple(cv2.imencode(ending, picture)[1].tobytes() for ending in (".jpg", ".png", ".webp"))


def _sounds() -> tuple[bytes, ...]:
    samples = np.random.default_rng(0).integers(-9000, 9000, (1, 4800)).astype(np.int16)
    made = []
    for kind, codec in (("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ogg", "libopus")):
        file = io.BytesIO()
        with av.open(file, "w", format=kind) as out:
            stream = out.add_stream(codec, rate=48_000, layout="mono")
            assert isinstance(stream, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = 48_000
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        made.append(file.getvalue())
    return tuple(made)


def _read_sound(content: bytes) -> None:
    async def all_of(path: Path) -> None:
        async for _ in read_audio(path):
            pass

    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        asyncio.run(all_of(Path(file.name)))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def readers() -> dict[str, Reader]:
    """All readers by name."""
    events = tuple(json.dumps(event).encode() for event in _EVENTS)
    offer = asyncio.run(an_offer()).encode()
    return {
        "sdp": Reader((offer,), lambda data: check_offer(_text(data)), BadOfferError),
        "events": Reader(events, read_client_event, ProtocolError),
        "socket_events": Reader(events, lambda data: read_socket_event(_text(data)), ProtocolError),
        "pictures": Reader(_pictures(), decode_picture, PictureError),
        "sounds": Reader(_sounds(), _read_sound, MediaFileError),
    }


def run(inputs: int, seed: int = 0) -> dict[str, float | int | None]:
    """Give each reader ``inputs``: how many it accepted, refused, or crashed on."""
    results: dict[str, float | int | None] = {}
    chance = random.Random(seed)
    for name, reader in readers().items():
        taken = refused = crashes = 0
        for _ in range(inputs):
            given = mangled(chance.choice(reader.samples), chance)
            try:
                reader.read(given)
                taken += 1
            except reader.refusal:
                refused += 1
            except Exception:
                crashes += 1
                sys.stderr.write(f"{name} broke on {given[:200]!r}\n{traceback.format_exc()}")
        results |= {f"{name}.taken": taken, f"{name}.refused": refused, f"{name}.crashes": crashes}
    results["inputs"] = inputs * len(readers())
    results["crashes"] = sum(int(v or 0) for k, v in results.items() if k.endswith(".crashes"))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--inputs", type=int, default=5000, help="inputs to each reader")
    parser.add_argument("--seed", type=int, default=0, help="seed of the inputs")
    options = parser.parse_args()
    show("fuzz", run(options.inputs, options.seed), as_json=options.json)


if __name__ == "__main__":
    main()
