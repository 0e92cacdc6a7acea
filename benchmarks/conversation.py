"""A conversation as its user hears it, with the local engines.

    python -m benchmarks.conversation --json

A headless client plays speech as its microphone: flite's recorded voice where flite is installed,
else espeak-ng's, which recognisers understand less well. Times are those of arriving packets.
``eos`` is the end of the user's speech, ``onset`` its start; barge-in is timed from the moment when
the user begins to talk over the avatar. The avatar's head is kept still, so that its reaction to a
voice stands out from its idle motion.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from avatar_server.conversation.espeak import EspeakTextToSpeech
from benchmarks.report import Results, show, spread
from benchmarks.server import server_at
from client import measure
from client.media import Picture, Sound
from client.peer import Peer
from streaming.protocol import Caption, Chat, Converse, ErrorEvent, Speaking, Transcript

QUESTIONS: Final = (
    "hello how are you",
    "what time is it",
    "what is your name",
    "what day is it today",
    "thank you very much",
    "can you help me",
    "what can you do",
    "good morning",
    "tell me about yourself",
    "who are you",
)
BARGE_IN: Final = "wait a moment please I want to say something"
LONG: Final = "Please tell me who you are and everything that you can do for me. " * 4

_RATE: Final = 48_000
_AUDIBLE: Final = 0.01
_REST: Final = 1.5
"""Seconds between two turns, so that the avatar comes to rest."""
_PATIENCE: Final = 6.0
"""Seconds to wait for an answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """When something was said to the avatar."""

    onset: float
    ended: float
    over: float
    """When the next turn may begin."""


@dataclass(slots=True)
class Found:
    onset_to_reaction: list[float] = field(default_factory=list)
    by_chance: int = 0
    """Turns before which idle motion alone would have counted as a reaction within 300 ms."""
    eos_to_audio: list[float] = field(default_factory=list)
    eos_to_mouth: list[float] = field(default_factory=list)
    bargein_to_silence: list[float] = field(default_factory=list)
    bargein_to_closed: list[float] = field(default_factory=list)
    caption_offset: list[float] = field(default_factory=list)
    words: int = 0
    right: int = 0
    turns: int = 0
    answered: int = 0


async def speech(text: str) -> npt.NDArray[np.float32]:
    """``text`` spoken, without silence at its ends, mono at 48 kHz."""
    if shutil.which("flite"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            command = ["flite", "-voice", "slt", "-t", text, "-o", str(path)]
            await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
            pcm = _read(path)
    else:
        chunks = [c async for c in EspeakTextToSpeech().synthesize(text, "en-us")]
        pcm = np.concatenate([chunk.pcm for chunk in chunks])
        pcm = np.repeat(pcm, 2)[: len(pcm) * _RATE // chunks[0].rate]
    heard = np.flatnonzero(np.abs(pcm) > _AUDIBLE)
    level: npt.NDArray[np.float32] = 0.6 * pcm[heard[0] : heard[-1] + 1] / np.abs(pcm).max()
    return level


def _read(path: Path) -> npt.NDArray[np.float32]:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
        parts = [p for f in container.decode(audio=0) for p in resampler.resample(f)]
        parts += resampler.resample(None)
    return np.concatenate([part.to_ndarray()[0] for part in parts]).astype(np.float32)


async def begin(peer: Peer, rest: float = _PATIENCE) -> None:
    """Begin a conversation once the engines are loaded, and wait until the greeting is over."""
    while True:
        asked = time.monotonic()
        peer.send(Converse())
        try:
            _, error = await peer.event(ErrorEvent, after=asked, timeout=3.0)
        except TimeoutError:
            break
        await asyncio.sleep(error.retry_after or 1.0)
    await peer.event(Speaking, lambda event: not event.on, timeout=20.0)
    # What happens once, in the network and the recogniser, is not measured.
    peer.send(Chat(text="hello"))
    await asyncio.sleep(rest)


async def ask(peer: Peer, text: str, found: Found) -> Asked:
    """Say ``text`` and wait for the end of the answer."""
    pcm = await speech(text)
    onset = time.monotonic()
    await asyncio.sleep(peer.play(pcm, _RATE))
    ended = time.monotonic()
    found.turns += 1
    try:
        _, transcript = await peer.event(
            Transcript, lambda event: event.final, after=onset, timeout=_PATIENCE
        )
        await peer.event(Speaking, lambda e: not e.on, after=ended, timeout=20.0)
    except TimeoutError:
        return Asked(onset, ended, time.monotonic())
    found.answered += 1
    wanted = text.split()
    found.words += len(wanted)
    found.right += len(wanted) - _distance(wanted, _words(transcript.text))
    await asyncio.sleep(_REST)
    return Asked(onset, ended, time.monotonic())


async def interrupt(peer: Peer) -> tuple[float, float] | None:
    """Speak over the avatar; returns when that began, and when the avatar's turn had ended."""
    pcm = await speech(BARGE_IN)
    asked = time.monotonic()
    peer.send(Chat(text=LONG))
    await peer.event(Speaking, lambda event: event.on, after=asked)
    await asyncio.sleep(1.2)
    began = time.monotonic()
    length = peer.play(pcm, _RATE)
    try:
        await peer.event(
            Speaking, lambda e: e.reason == "interrupted", after=began, timeout=_PATIENCE
        )
    except TimeoutError:
        return None
    cut = time.monotonic()
    await asyncio.sleep(length)
    await asyncio.sleep(1.0)
    peer.interrupt()
    await asyncio.sleep(1.0)
    return began, cut


def evaluate(
    found: Found,
    turns: list[Asked],
    cuts: list[tuple[float, float]],
    sounds: list[Sound],
    pictures: list[Picture],
) -> None:
    opening = measure.mouth_opening(pictures, measure.speaking_pictures(pictures, sounds))
    for turn in turns:
        reaction = measure.moved_at(pictures, turn.onset)
        if reaction is not None:
            found.onset_to_reaction.append((reaction - turn.onset) * 1e3)
        found.by_chance += measure.moved_at(pictures, turn.onset - 0.3, within=0.3) is not None
        audible = measure.audible_at(sounds, turn.ended)
        if audible is None or audible > turn.over:
            continue
        found.eos_to_audio.append((audible - turn.ended) * 1e3)
        mouth = measure.open_at(pictures, opening, audible - 0.2)
        if mouth is not None and mouth < turn.over:
            found.eos_to_mouth.append((mouth - turn.ended) * 1e3)
    for began, cut in cuts:
        silent = measure.silent_at(sounds, began)
        if silent is not None:
            found.bargein_to_silence.append((silent - began) * 1e3)
        count = sum(picture.arrival < cut + 0.8 for picture in pictures)
        closed = measure.closed_at(pictures[:count], opening[:count], began)
        if closed is not None and silent is not None:
            found.bargein_to_closed.append((closed - silent) * 1e3)


async def run(url: str, rounds: int) -> Results:
    found = Found()
    async with Peer.connect(url, history=1200.0) as peer:
        await peer.first_frame()
        peer.move(head=0.0)
        peer.play(np.zeros(_RATE // 10, np.float32), _RATE)
        await begin(peer)
        turns, cuts = [], []
        for index in range(rounds):
            turns.append(await ask(peer, QUESTIONS[index % len(QUESTIONS)], found))
            if index % 3 == 2 and (cut := await interrupt(peer)) is not None:
                cuts.append(cut)
        evaluate(found, turns, cuts, list(peer.audio), list(peer.video))
        ends = {
            heard.event.utterance: heard.arrival
            for heard in peer.events
            if isinstance(heard.event, Speaking) and not heard.event.on and heard.event.utterance
        }
        for heard in peer.events:
            event = heard.event
            if isinstance(event, Caption) and event.final and event.utterance in ends:
                found.caption_offset.append((heard.arrival - ends[event.utterance]) * 1e3)
    return {
        **spread("onset_to_reaction_ms", found.onset_to_reaction),
        "reaction_by_chance": found.by_chance / len(turns),
        **spread("eos_to_audio_ms", found.eos_to_audio),
        **spread("eos_to_mouth_ms", found.eos_to_mouth),
        **spread("bargein_to_silence_ms", found.bargein_to_silence),
        **spread("bargein_to_mouth_closed_ms", found.bargein_to_closed),
        **spread("caption_offset_ms", found.caption_offset),
        "word_accuracy": found.right / found.words if found.words else None,
        "turns": found.turns,
        "answered": found.answered,
        "interruptions": len(found.bargein_to_silence),
    }


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _distance(wanted: list[str], given: list[str]) -> int:
    """Levenshtein distance in words, at most the number of words ``wanted``."""
    row = list(range(len(given) + 1))
    for i, word in enumerate(wanted, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(given, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return min(row[-1], len(wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a conversation with local engines.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=30, help="turns of the user")
    parser.add_argument("--url", help="a running server; by default one is started")
    options = parser.parse_args()
    with server_at(options.url, "--log-level", "warning") as url:
        results = asyncio.run(run(url, options.rounds))
    show("conversation", results, as_json=options.json)


if __name__ == "__main__":
    main()
