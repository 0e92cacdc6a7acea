"""Connect, have one text spoken, and report how that went."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client import measure
from client.peer import Peer
from client.record import Recorder
from streaming.protocol import ErrorEvent, Speaking

_REST_BEFORE: Final = 1.2
"""Seconds to watch the avatar at rest first, as the yardstick for its open mouth."""

_REST_AFTER: Final = 0.8


class SpeechError(RuntimeError):
    """The server did not speak the text; the message says why."""


@dataclass(frozen=True, slots=True)
class SayReport:
    """Times in ms from arriving packets; None where nothing fitting arrived."""

    avatar: str
    text: str
    connect_to_first_frame_ms: float
    say_to_audio_ms: float | None
    say_to_mouth_ms: float | None
    speech_seconds: float
    fps: float
    freezes: int
    av_offset_ms_median: float | None
    """Positive: the sound is ahead of the lips; needs some seconds of speech."""
    av_offset_ms_p95: float | None
    """95th percentile of the absolute offset over stretches of speech."""
    recording: str | None


async def say(
    url: str,
    text: str,
    *,
    token: str | None = None,
    avatar: str | None = None,
    emotion: str | None = None,
    record: Path | None = None,
    timeout: float = 300.0,
) -> SayReport:
    """Say ``text`` on the server at ``url``; ``record`` takes an MP4 of all that arrives.

    Raises :class:`client.http.ConnectError`, :class:`SpeechError`, TimeoutError when the speech
    is not over within ``timeout`` seconds, OSError when ``record`` cannot be written.
    """
    history = timeout + 60.0
    async with Peer.connect(url, token=token, avatar=avatar, history=history) as peer:
        with ExitStack() as stack:
            if record is not None:
                stack.enter_context(Recorder(peer, record))
            first = await peer.first_frame()
            if emotion is not None:
                peer.express(emotion)
            await asyncio.sleep(_REST_BEFORE)
            asked = time.monotonic()
            began, ended = await _speak(peer, text, timeout)
            await asyncio.sleep(_REST_AFTER)
        return _report(peer, text, first.arrival, asked, ended - began, record)


async def _speak(peer: Peer, text: str, timeout: float) -> tuple[float, float]:
    """Arrivals of the events that the speech began and ended."""
    utterance = peer.say(text)
    failure = asyncio.create_task(peer.event(ErrorEvent, timeout=timeout))
    speech = asyncio.create_task(peer.spoken(utterance, timeout))
    try:
        await asyncio.wait((failure, speech), return_when=asyncio.FIRST_COMPLETED)
        if not speech.done():
            raise SpeechError(f"the server reports: {(await failure)[1].message}")
        ended, _ = await speech
    finally:
        failure.cancel()
        speech.cancel()
    began, _ = await peer.event(Speaking, lambda event: event.utterance == utterance)
    return began, ended


def _report(
    peer: Peer, text: str, first: float, asked: float, seconds: float, record: Path | None
) -> SayReport:
    sounds, pictures = list(peer.audio), list(peer.video)
    speaking = measure.speaking_pictures(pictures, sounds)
    audible = measure.audible_at(sounds, asked)
    mouth = None
    sync = measure.LipSync.none()
    if speaking.any() and not speaking.all():
        opening = measure.mouth_opening(pictures, speaking)
        mouth = measure.open_at(pictures, opening, asked)
        clocks = peer.audio_clock.sender_time, peer.video_clock.sender_time
        sync = measure.lip_sync(sounds, pictures, opening, *clocks)

    def since_asked(at: float | None) -> float | None:
        return None if at is None else _ms(at - asked)

    return SayReport(
        avatar=peer.ready.avatar,
        text=text,
        connect_to_first_frame_ms=_ms(first - peer.began),
        say_to_audio_ms=since_asked(audible),
        say_to_mouth_ms=since_asked(mouth),
        speech_seconds=round(seconds, 2),
        fps=round(measure.frame_rate(pictures), 2),
        freezes=measure.freezes(pictures),
        av_offset_ms_median=None if sync.median_ms is None else round(sync.median_ms, 1),
        av_offset_ms_p95=None if sync.p95_ms is None else round(sync.p95_ms, 1),
        recording=None if record is None else str(record),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
