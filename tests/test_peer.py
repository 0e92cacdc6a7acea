"""The headless client against the real server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from benchmarks.server import running_server, status
from client import measure
from client.http import ConnectError
from client.peer import Peer
from motion.contract import SPEECH_RATE
from streaming.protocol import Caption, ErrorEvent, Pong, Speaking
from tests.until import until, until_gone
from tests.voices import spoken


async def test_it_receives_what_it_asks_for(server_url: str) -> None:
    async with Peer.connect(server_url) as peer:
        picture = await peer.first_frame()
        assert peer.ready.size == 512
        assert picture.face.shape == (102, 128)
        await asyncio.sleep(1.0)
        asked = time.monotonic()
        utterance = peer.say("Hello, nice to meet you.")
        began, _ = await peer.event(Speaking, lambda event: event.on)
        ended, event = await peer.spoken(utterance)
        assert event.reason == "finished"
        _, caption = await peer.event(Caption, lambda event: event.final)
        assert caption.text == "Hello, nice to meet you."
        await asyncio.sleep(0.5)

        heard = measure.audible_at(peer.audio, asked)
        assert heard is not None
        assert began - 0.2 < heard < ended
        silent = measure.silent_at(peer.audio, ended - 0.1, hold=0.2)
        assert silent is not None
        assert silent < ended + 0.3
        opening = measure.mouth_opening(
            list(peer.video), measure.speaking_pictures(list(peer.video), list(peer.audio))
        )
        seen = measure.open_at(list(peer.video), opening, asked)
        assert seen is not None
        assert seen < ended


async def test_times_of_both_tracks_are_those_of_one_clock(server_url: str) -> None:
    async with Peer.connect(server_url) as peer:
        await peer.first_frame()
        clocks = peer.video_clock, peer.audio_clock
        await until(lambda: all(clock.sender_time(0) is not None for clock in clocks))
        sound, picture = peer.audio[-1], peer.video[-1]
        sound_time = peer.audio_clock.sender_time(sound.pts)
        picture_time = peer.video_clock.sender_time(picture.pts)
        assert sound_time is not None
        assert picture_time is not None
        # Both arrived at about the same moment, so both were made at about the same moment.
        assert sound_time - picture_time == pytest.approx(sound.arrival - picture.arrival, abs=0.2)
        assert sound_time - 2_208_988_800 == pytest.approx(time.time(), abs=2.0)


async def test_interrupt_express_and_ping(server_url: str) -> None:
    async with Peer.connect(server_url) as peer:
        await peer.first_frame()
        utterance = peer.say("This is a long sentence that will not come to its end, " * 5)
        await peer.event(Speaking, lambda event: event.on)
        await asyncio.sleep(0.5)
        peer.interrupt()
        stopped = time.monotonic()
        _, event = await peer.spoken(utterance, timeout=2.0)
        assert event.reason == "interrupted"
        await asyncio.sleep(1.0)
        silent = measure.silent_at(peer.audio, stopped)
        assert silent is not None
        assert silent - stopped < 0.5
        peer.ping(7)
        _, pong = await peer.event(Pong)
        assert pong.id == 7
        peer.express("hunger")
        _, error = await peer.event(ErrorEvent)
        assert "hunger" in error.message


async def test_the_avatar_speaks_the_microphone(server_url: str) -> None:
    speech = spoken("Good morning to all of you.")
    async with Peer.connect(server_url) as peer:
        await peer.first_frame()
        peer.microphone(True)
        await peer.event(Speaking, lambda event: event.on and event.utterance is None)
        began = time.monotonic()
        lasts = peer.play(speech, SPEECH_RATE)
        assert lasts == pytest.approx(len(speech) / SPEECH_RATE, abs=0.05)
        await asyncio.sleep(lasts + 0.5)
        heard = measure.audible_at(peer.audio, began)
        assert heard is not None
        assert heard - began < 1.5
        level = max(np.abs(sound.pcm.astype(int)).max() for sound in peer.audio)
        assert level > 3000


async def test_it_leaves_no_session_behind(server_url: str) -> None:
    await until_gone(server_url)
    async with Peer.connect(server_url):
        assert (await asyncio.to_thread(status, server_url))["sessions"] == 1
    await until_gone(server_url)


async def test_what_sessions_leave_behind_is_freed() -> None:
    # A server of its own: it gives back what sessions left when no session is left.
    with running_server("--log-level", "warning") as url:
        process = (await asyncio.to_thread(status, url))["process"]

        def threads() -> int:
            return len(list(Path(f"/proc/{process}/task").iterdir()))

        for _ in range(5):
            async with Peer.connect(url, history=0.0) as peer:
                await peer.first_frame()
        # Pools stay, codecs go.
        await until(lambda: threads() <= 12, 60)


async def test_it_notices_that_the_server_ended_the_session(server_url: str) -> None:
    async with Peer.connect(server_url) as peer:
        await peer.first_frame()
        await asyncio.to_thread(httpx.delete, f"{server_url}/api/offer/{peer.pc_id}")
        _, event = await peer.event(ErrorEvent)
        assert event.fatal
        await peer.disconnected(timeout=5.0)
        with pytest.raises(ConnectError, match="is gone"):
            peer.say("Are you there?")


async def test_refusals_say_what_to_do() -> None:
    with running_server("--log-level", "warning", "--max-sessions", "1", "--token", "x") as url:
        with pytest.raises(ConnectError, match="token") as refused:
            await _connect(url)
        assert refused.value.status == 401
        with pytest.raises(ConnectError, match="no avatar 'nobody'"):
            await _connect(url, token="x", avatar="nobody")
        async with Peer.connect(url, token="x"):
            with pytest.raises(ConnectError) as full:
                await _connect(url, token="x")
            assert full.value.status == 503
            assert full.value.retry_after == 3.0


async def test_no_server_is_said_in_words(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectError, match="no server answers at"):
        await _connect(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ConnectError, match="is not an address"):
        await _connect("localhost")


async def _connect(url: str, token: str | None = None, avatar: str | None = None) -> None:
    async with Peer.connect(url, token=token, avatar=avatar):
        pass
