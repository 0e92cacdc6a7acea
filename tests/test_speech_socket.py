"""The speech socket: a caller's own sound through the face, with a real WebSocket client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from streaming.speech_source import SpeechSource
from tests.live import live_server
from tests.socket_events import WAIT, event
from tests.until import until_gone


@pytest.fixture
def url() -> Generator[str]:
    with live_server(max_sessions=2) as address:
        yield address


@asynccontextmanager
async def calling(url: str, **start: object) -> AsyncGenerator[ClientConnection]:
    async with connect(url.replace("http", "ws") + "/v1/speech") as socket:
        await socket.send(json.dumps({"type": "start", **start}))
        yield socket


def tone(seconds: float, rate: int) -> bytes:
    wave = 0.5 * np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate)
    return (wave * 32_767).astype("<i2").tobytes()


def sessions(url: str) -> int:
    return int(httpx.get(f"{url}/api/status").json()["sessions"])


async def test_a_caller_chooses_the_size_of_the_pictures(url: str) -> None:
    async with calling(url, size=256) as socket:
        assert (await event(socket))["size"] == 256
    async with calling(url, size=300) as socket:
        with pytest.raises(ConnectionClosed, match="size: Input should be a multiple of 256"):
            await event(socket)


async def test_a_call_that_fails_leaves_no_session(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle(*_: object) -> None:
        await asyncio.sleep(0.3)  # more comes meanwhile
        raise RuntimeError("broken")

    monkeypatch.setattr("avatar_server.observed.ObservedSession.handle", handle)
    async with calling(url) as socket:
        await event(socket, "ready")
        for _ in range(3):
            await socket.send(json.dumps({"type": "say", "text": "hello"}))
        with pytest.raises(ConnectionClosed, match="1011"):
            await event(socket, "caption")
    await until_gone(url)


async def test_sound_before_the_start_is_refused_with_a_reason(url: str) -> None:
    async with connect(url.replace("http", "ws") + "/v1/speech") as socket:
        await socket.send(b"sound")
        with pytest.raises(ConnectionClosed, match=r"1003.*must be a start event"):
            await socket.recv()


@pytest.mark.parametrize(("rate", "piece"), [(8_000, 333), (24_000, 4_800), (48_000, 100_001)])
async def test_sound_in_any_pieces_is_played_to_its_end(url: str, rate: int, piece: int) -> None:
    async with calling(url, rate=rate) as socket:
        assert (await event(socket))["type"] == "ready"
        await socket.send(json.dumps({"type": "speak", "utterance": "u"}))
        sound = tone(1.0, rate)
        for at in range(0, len(sound), piece):
            await socket.send(sound[at : at + piece])
        await socket.send(json.dumps({"type": "speak_end"}))
        assert await event(socket, "playback_started") == {
            "type": "playback_started",
            "utterance": "u",
        }
        finished = await event(socket, "playback_finished")
        assert finished["utterance"] == "u"
        assert not finished["interrupted"]
        assert finished["position_ms"] == pytest.approx(1000, abs=5)
    await until_gone(url)


async def test_interrupt_says_what_was_heard_and_drops_the_rest(url: str) -> None:
    async with calling(url, rate=16_000) as socket:
        await event(socket, "ready")
        await socket.send(json.dumps({"type": "speak", "utterance": "a"}))
        await socket.send(tone(10.0, 16_000))
        await event(socket, "playback_started")
        await asyncio.sleep(0.3)
        await socket.send(json.dumps({"type": "interrupt"}))
        finished = await event(socket, "playback_finished")
        assert finished["interrupted"]
        assert 100 <= finished["position_ms"] <= 3_000
        await socket.send(tone(5.0, 16_000))  # the rest of "a", still on its way
        await socket.send(json.dumps({"type": "speak_end"}))
        await socket.send(json.dumps({"type": "speak", "utterance": "b"}))
        await socket.send(tone(0.2, 16_000))
        await socket.send(json.dumps({"type": "speak_end"}))
        assert (await event(socket, "playback_started"))["utterance"] == "b"
        last = await event(socket, "playback_finished")
        assert last["position_ms"] == pytest.approx(200, abs=5)


async def test_an_interrupt_is_not_held_up_by_sound_that_waits(url: str) -> None:
    async with calling(url, rate=24_000) as socket:
        await event(socket, "ready")
        for name in ("a", "b"):
            await socket.send(json.dumps({"type": "speak", "utterance": name}))
            for _ in range(50):
                await socket.send(tone(1.0, 24_000))
            await socket.send(json.dumps({"type": "speak_end"}))
        assert (await event(socket, "playback_started"))["utterance"] == "a"
        await socket.send(json.dumps({"type": "interrupt"}))
        cut = [await event(socket, "playback_finished") for _ in "ab"]
        assert {c["utterance"] for c in cut} == {"a", "b"}
        assert all(c["interrupted"] for c in cut)
        await socket.send(json.dumps({"type": "speak", "utterance": "c"}))
        await socket.send(tone(0.2, 24_000))
        await socket.send(json.dumps({"type": "speak_end"}))
        assert (await event(socket, "playback_started"))["utterance"] == "c"
        assert not (await event(socket, "playback_finished"))["interrupted"]


async def test_what_ends_an_utterance_counts_though_an_interrupt_overtakes_it(url: str) -> None:
    async with calling(url, rate=24_000) as socket:
        await event(socket, "ready")
        for _ in range(40):
            await socket.send(tone(1.0, 24_000))
        await socket.send(json.dumps({"type": "speak_end"}))  # waits for room
        cut = (await event(socket, "playback_started"))["utterance"]
        await socket.send(json.dumps({"type": "interrupt"}))
        assert (await event(socket, "playback_finished"))["utterance"] == cut
        await socket.send(tone(0.2, 24_000))
        await socket.send(json.dumps({"type": "speak_end"}))
        heard = await event(socket, "playback_finished")
        assert (heard["utterance"] != cut, heard["interrupted"]) == (True, False)


async def test_an_utterance_that_an_interrupt_overtakes_is_not_heard_in_part(url: str) -> None:
    async with calling(url, rate=24_000) as first:
        session = (await event(first, "ready"))["session"]
        for _ in range(40):
            await first.send(tone(1.0, 24_000))
        await event(first, "playback_started")
        async with calling(url, rate=24_000, session=session) as second:
            await event(second, "ready")
            await second.send(tone(0.2, 24_000))  # waits for room behind the first
            await second.send(json.dumps({"type": "ping", "id": 1}))
            await second.send(json.dumps({"type": "interrupt"}))
            await event(second, "playback_finished")
            await second.send(tone(0.2, 24_000))  # the rest of it
            await second.send(json.dumps({"type": "speak_end"}))
            await second.send(json.dumps({"type": "speak", "utterance": "next"}))
            await second.send(tone(0.2, 24_000))
            await second.send(json.dumps({"type": "speak_end"}))
            assert (await event(second, "playback_started"))["utterance"] == "next"


async def test_a_message_of_minutes_is_taken_second_by_second(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it at once would take the event loop for most of a second."""
    taken: list[float] = []
    push = SpeechSource.push

    def note(source: SpeechSource, pcm: np.ndarray, rate: int) -> None:
        taken.append(len(pcm) / rate)
        push(source, pcm, rate)

    monkeypatch.setattr(SpeechSource, "push", note)
    async with calling(url, rate=8_000) as socket:
        await event(socket, "ready")
        await socket.send(json.dumps({"type": "speak", "utterance": "long"}))
        await socket.send(bytes(4_800_000))
        await event(socket, "playback_started")
        await socket.send(json.dumps({"type": "interrupt"}))
        assert (await event(socket, "playback_finished"))["interrupted"]
    assert max(taken) <= 1


async def test_an_utterance_that_is_begun_twice_goes_on(url: str) -> None:
    async with calling(url) as socket:
        await event(socket, "ready")
        await socket.send(json.dumps({"type": "speak", "utterance": "once"}))
        await socket.send(tone(0.2, 24_000))
        await socket.send(json.dumps({"type": "speak", "utterance": "once"}))
        await socket.send(tone(0.2, 24_000))
        await socket.send(json.dumps({"type": "speak_end"}))
        assert (await event(socket, "error"))["code"] == "bad_message"
        finished = await event(socket, "playback_finished")
        assert (finished["utterance"], finished["position_ms"]) == ("once", 400)


async def test_text_and_sound_are_heard_in_the_order_in_which_they_came(url: str) -> None:
    async with calling(url) as socket:
        await event(socket, "ready")
        for name in ("1", "2"):
            await socket.send(json.dumps({"type": "say", "text": "one", "utterance": name}))
        await socket.send(json.dumps({"type": "speak", "utterance": "3"}))
        await socket.send(tone(0.2, 24_000))
        await socket.send(json.dumps({"type": "speak_end"}))
        await socket.send(json.dumps({"type": "say", "text": "one", "utterance": "4"}))
        heard = [(await event(socket, "playback_started"))["utterance"] for _ in range(4)]
        assert heard == ["1", "2", "3", "4"]


async def test_sound_without_speak_and_text_work_too(url: str) -> None:
    async with calling(url) as socket:
        await event(socket, "ready")
        await socket.send(tone(0.3, 24_000))
        await socket.send(json.dumps({"type": "speak_end"}))
        first = await event(socket, "playback_finished")
        await socket.send(json.dumps({"type": "say", "text": "hello there", "utterance": "t"}))
        second = await event(socket, "playback_finished")
        assert (first["utterance"] == "t", second["utterance"] == "t") == (False, True)
        assert second["position_ms"] == pytest.approx(400, abs=5)


async def test_two_callers_share_a_session_and_one_keeps_it_alive(url: str) -> None:
    async with calling(url) as first:
        session = (await event(first, "ready"))["session"]
        async with calling(url, session=session) as second:
            await event(second, "ready")
            await second.send(json.dumps({"type": "say", "text": "hi", "utterance": "x"}))
            assert (await event(first, "playback_started"))["utterance"] == "x"
            assert sessions(url) == 1
            await second.send(json.dumps({"type": "speak", "utterance": "last words"}))
            await second.send(tone(0.2, 24_000))
        heard = await event(first, "playback_finished")
        while heard["utterance"] != "last words":
            heard = await event(first, "playback_finished")
        assert heard["position_ms"] == pytest.approx(200, abs=5)
        await first.send(json.dumps({"type": "ping", "id": 4}))
        assert (await event(first, "pong"))["id"] == 4
    await until_gone(url)


@pytest.mark.parametrize(
    ("first", "code", "words"),
    [
        ("nonsense", 1003, "JSON"),
        ('{"type": "speak"}', 1003, "start"),
        ('{"type": "start", "rate": 1}', 1003, "rate"),
        ('{"type": "start", "session": "no"}', 1008, "session"),
        ('{"type": "start", "avatar": "nobody"}', 1008, "flat"),
        (b"\x00\x00", 1003, ""),
    ],
)
async def test_a_wrong_start_is_told_and_closed(
    url: str, first: str | bytes, code: int, words: str
) -> None:
    async with connect(url.replace("http", "ws") + "/v1/speech") as socket:
        await socket.send(first)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), WAIT)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert words in closed.value.rcvd.reason
    assert sessions(url) == 0


async def test_a_full_server_says_try_again(url: str) -> None:
    async with calling(url) as first, calling(url) as second, calling(url) as third:
        await event(first, "ready")
        await event(second, "ready")
        with pytest.raises(ConnectionClosed) as closed:
            await event(third)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


async def test_bad_messages_are_answered_and_the_call_goes_on(url: str) -> None:
    async with calling(url) as socket:
        await event(socket, "ready")
        for message in ("{}", "x", '{"type": "start"}', '{"type": "say", "text": ""}'):
            await socket.send(message)
            assert (await event(socket))["type"] == "error"
        async with httpx.AsyncClient() as http:
            metrics = (await http.get(f"{url}/metrics")).text
        assert 'avatar_errors_total{code="bad_message"} 4.0' in metrics
        await socket.send(json.dumps({"type": "ping", "id": 1}))
        assert (await event(socket))["type"] == "pong"


async def test_the_token_guards_the_socket() -> None:
    with live_server(token="s3cret") as url:
        address = url.replace("http", "ws") + "/v1/speech"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address):
                pass
        assert refused.value.response.status_code == 401
        headers = {"Authorization": "Bearer s3cret"}
        async with connect(address, additional_headers=headers) as socket:
            await socket.send('{"type": "start"}')
            await event(socket, "ready")
