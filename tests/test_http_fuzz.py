"""Whatever is sent over HTTP: a proper answer, never a 500, and nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.protocol import Candidate, ProtocolError, read_client_event
from streaming.sdp import BadOfferError, check_offer
from tests.until import until, until_answer, until_gone
from tests.webrtc_browser import Browser, browser, running

__all__ = ["browser"]

ROUTES = (
    ("POST", "/api/offer"),
    ("PATCH", "/api/offer"),
    ("DELETE", "/api/offer/x"),
    ("POST", "/start"),
    ("POST", "/sessions/x/api/offer"),
    ("PATCH", "/sessions/x/api/offer"),
    ("GET", "/api/config"),
    ("GET", "/api/avatars/x.jpg"),
    ("POST", "/v1/whep"),
    ("PATCH", "/v1/whep/x"),
    ("DELETE", "/v1/whep/x"),
    ("POST", "/v1/sessions/x/events"),
    ("POST", "/v1/tokens"),
    ("GET", "/readyz"),
    ("PUT", "/api/status"),
)

TYPES = ("application/json", "application/sdp", "application/trickle-ice-sdpfrag", "text/plain", "")

texts = st.text(max_size=200)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
fields = st.sampled_from(
    [
        "sdp",
        "type",
        "pc_id",
        "avatar",
        "candidates",
        "candidate",
        "text",
        "seconds",
        "sdp_mid",
        "body",
    ]
)
bodies = st.binary(max_size=500) | (
    st.dictionaries(fields, values | st.sampled_from(["offer", "say", "v=0\r\n"]), max_size=6).map(
        lambda body: json.dumps(body).encode()
    )
)
requests = st.tuples(
    st.sampled_from(ROUTES),
    bodies,
    st.sampled_from(TYPES),
    st.sampled_from(["", "Bearer key", "Bearer x", "Bearer v1.e30.e30", "Basic a2V5"]),
    st.dictionaries(st.sampled_from(["avatar", "session"]), texts, max_size=2),
)


async def test_any_request_gets_a_proper_answer() -> None:
    async with running(token="key", offers_per_minute=None) as (_, http):
        loop = asyncio.get_running_loop()

        async def send(request: tuple[tuple[str, str], bytes, str, str, dict[str, str]]) -> None:
            (method, path), body, kind, authorization, query = request
            headers = {"Content-Type": kind, "Authorization": authorization}
            answer = await http.request(method, path, content=body, headers=headers, params=query)
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            if answer.status_code >= 400 and answer.status_code not in (404, 405, 503):
                assert set(answer.json()) == {"error", "message"}

        @settings(max_examples=400, deadline=None)
        @given(requests)
        def fuzz(request: tuple[tuple[str, str], bytes, str, str, dict[str, str]]) -> None:
            asyncio.run_coroutine_threadsafe(send(request), loop).result(20)

        await asyncio.to_thread(fuzz)
        key = {"Authorization": "Bearer key"}
        assert (await http.get("/api/status", headers=key)).json()["sessions"] == 0


def mangled(offer: str, chance: random.Random) -> str:
    """``offer`` with some lines lost, doubled, moved, cut or scrambled."""
    lines = offer.splitlines()
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        line = lines[at]
        match chance.randrange(6):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(chance.randrange(len(lines)), line)
            case 2:
                lines[at] = line[: chance.randrange(len(line) + 1)]
            case 3:
                lines[at] = line.replace(chance.choice("0123456789 :="), chance.choice("97 /\0ü"))
            case 4:
                lines[at] = line + chance.choice((" 99999999999", ":", " typ relay", "\t"))
            case 5:
                lines[at] = "a=" + chance.choice(
                    (
                        "candidate:1 1 udp 1 256.1.1.1 99999 typ host",
                        "rtpmap:96",
                        "fmtp:x",
                        "ssrc:-1",
                    )
                )
    return "\r\n".join(lines) + "\r\n"


async def test_mangled_offers_are_answered_or_refused_and_leave_nothing(
    browser: Callable[..., Browser],
) -> None:
    chance = random.Random(8)
    offer = await browser().offer()
    statuses: set[int] = set()
    async with running(connect_timeout=0.5, offers_per_minute=None, max_sessions=1000) as (_, http):
        tasks, sockets = await tasks_of(http), open_sockets()

        async def post() -> None:
            body = {"sdp": mangled(offer, chance), "type": "offer"}
            answer = await http.post("/api/offer", json=body)
            statuses.add(answer.status_code)
            assert answer.status_code in (200, 400, 406), answer.text

        for _ in range(30):
            await asyncio.gather(*(post() for _ in range(5)))
        assert statuses >= {200, 400}, "some were good, some were bad"
        await until_gone(http)
        await until_answer(http, "/api/status", lambda status: status["tasks"] <= tasks)
        await until(lambda: open_sockets() <= sockets)


def open_sockets() -> int:
    """Sockets of this process, where the system lists them."""
    listed = Path("/proc/self/fd")
    if not listed.exists():
        return 0
    return sum(
        "socket:" in str(entry.readlink()) for entry in listed.iterdir() if entry.is_symlink()
    )


async def tasks_of(http: httpx.AsyncClient) -> int:
    tasks: int = (await http.get("/api/status")).json()["tasks"]
    return tasks


@settings(max_examples=300, deadline=None)
@given(texts.map("v=0\r\n".__add__) | texts)
def test_any_text_as_an_offer_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadOfferError, match="offer"):
        check_offer(text)


@settings(max_examples=300, deadline=None)
@given(bodies)
def test_any_event_is_read_or_refused_in_words(message: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        read_client_event(message)


async def test_any_candidate_is_taken_or_refused(browser: Callable[..., Browser]) -> None:
    chance = random.Random(3)
    good = "candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host"
    async with running(connect_timeout=5) as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        pc_id = (await http.post("/api/offer", json=body)).json()["pc_id"]
        for _ in range(150):
            line = mangled(good, chance).strip()
            item = Candidate(
                candidate=line,
                sdp_mid=chance.choice((None, "0", "9", "ü")),
                sdp_mline_index=chance.choice((None, 0, -1, 10**9)),
            )
            patch = {"pc_id": pc_id, "candidates": [item.model_dump()]}
            answer = await http.patch("/api/offer", json=patch)
            assert answer.status_code in (200, 400), (line, answer.text)


async def test_a_client_that_goes_in_the_middle_of_its_request_is_no_error() -> None:
    messages: Iterator[dict[str, object]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(_: object) -> None:
        pass

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/offer",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("192.0.2.1", 1),
    }
    async with running() as (app, _):
        await app(scope, receive, send)  # a server would log what this raises


async def test_keypoints_of_any_depth_are_read_or_refused() -> None:
    async with running() as (_, http):
        kind = {"Content-Type": "image/png"}
        deep = {"keypoints": "[" * 5_000}
        refused = await http.post("/v1/preview", params=deep, headers=kind, content=b"x")
        assert (refused.status_code, refused.json()["error"]) == (400, "bad_request")
