"""The routes of ``/api/offer`` with real WebRTC peers on loopback: connecting, refusing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from streaming.protocol import Ready
from tests.until import until_gone
from tests.webrtc_browser import Browser, browser, running, sessions

__all__ = ["browser"]


async def test_a_client_chooses_the_size_of_its_pictures() -> None:
    async with running() as (_, http):
        viewer = Browser()
        await viewer.connect(http, size=256)
        ready = await viewer.event()
        assert isinstance(ready, Ready)
        assert ready.size == 256
        frame = await viewer.picture()
        assert (frame.width, frame.height) == (256, 256)
        await viewer.close()
        body = {"sdp": "v=0", "type": "offer", "size": 300}
        assert (await http.post("/api/offer", json=body)).status_code == 400
        whep = await http.post(
            "/v1/whep?size=300", content="v=0", headers={"Content-Type": "application/sdp"}
        )
        assert (whep.status_code, whep.json()["error"]) == (400, "bad_size")


async def test_a_full_server_says_when_to_come_back(browser: Callable[..., Browser]) -> None:
    async with running(max_sessions=1) as (_, http):
        first = browser()
        await first.connect(http)
        await first.event()
        body = {"sdp": await browser().offer(), "type": "offer"}
        response = await http.post("/api/offer", json=body)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["error"] == "server_full"
        assert await sessions(http) == 1
        await first.close()
        await until_gone(http)
        await browser().connect(http)


async def test_an_offer_with_a_known_id_reconnects_the_session(
    browser: Callable[..., Browser],
) -> None:
    async with running() as (_, http):
        first, second = browser(), browser()
        pc_id = await first.connect(http)
        ready = await first.event()
        assert await second.connect(http, pc_id=pc_id) == pc_id
        assert await second.event() == ready, "the same session"
        await first.close()
        second.send(type="ping", id=1)
        await second.event()
        assert await sessions(http) == 1


async def test_a_server_without_a_free_port_says_so(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object, **__: object) -> None:
        raise OSError("all are taken")

    async with running() as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        with monkeypatch.context() as here:
            here.setattr(asyncio.get_running_loop(), "create_datagram_endpoint", taken)
            refused = await http.post("/api/offer", json=body)
        assert (refused.status_code, refused.json()["error"]) == (503, "no_port")
        assert "udp_ports" in refused.json()["message"]
        assert refused.headers["retry-after"] == "5"
        assert 'avatar_errors_total{code="no_port"} 1.0' in (await http.get("/metrics")).text
        await until_gone(http)


@pytest.mark.parametrize(
    ("content", "kind", "status", "words"),
    [
        (b"{}", "application/json", 400, "sdp"),
        (b"nonsense", "application/json", 400, "JSON"),
        (b'{"sdp": "x", "type": "answer"}', "application/json", 400, "type"),
        (b'{"sdp": "garbage", "type": "offer"}', "application/json", 400, "v=0"),
        (b'{"sdp": "v=0", "type": "offer"}', "application/json", 400, "media"),
        (b'{"sdp": "v=0", "type": "offer"}', "text/plain", 415, "application/json"),
        (b'{"sdp": "' + b"x" * 100_000 + b'", "type": "offer"}', "application/json", 413, "larger"),
    ],
)
async def test_bad_offers_leave_nothing_behind(
    content: bytes, kind: str, status: int, words: str
) -> None:
    async with running() as (_, http):
        response = await http.post("/api/offer", content=content, headers={"content-type": kind})
        assert response.status_code == status
        assert words in response.json()["message"]
        await until_gone(http)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("a=fingerprint:", "a=nothing:", 400),
        ("a=ice-ufrag:", "a=nothing:", 400),
        ("VP8", "VP7", 406),
        ("m=video", "m=banana", 406),
        ("a=recvonly", "a=sendonly", 406),
    ],
)
async def test_mangled_offers_are_refused(
    browser: Callable[..., Browser], old: str, new: str, status: int
) -> None:
    async with running() as (_, http):
        sdp = (await browser().offer()).replace(old, new)
        if old == "VP8":
            sdp = sdp.replace("H264", "H261")
        response = await http.post("/api/offer", json={"sdp": sdp, "type": "offer"})
        assert response.status_code == status, response.text
        assert response.json()["message"]
        await until_gone(http)


async def test_unknown_names_are_404(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer", "avatar": "nobody"}
        response = await http.post("/api/offer", json=body)
        assert response.status_code == 404
        assert "flat" in response.json()["message"], "it names those that exist"
        patch = {"pc_id": "nobody", "candidates": []}
        assert (await http.patch("/api/offer", json=patch)).status_code == 404
        assert (await http.delete("/api/offer/nobody")).status_code == 404
        assert (await http.get("/api/avatars/nobody.jpg")).status_code == 404
        assert (await http.post("/v1/sessions/nobody/events", content="{}")).status_code == 404


async def test_candidates_by_patch(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        viewer = browser()
        offer = await viewer.offer()
        kept = [line for line in offer.splitlines() if not line.startswith("a=candidate")]
        stripped = "\r\n".join(line for line in kept if line != "a=end-of-candidates") + "\r\n"
        response = await http.post("/api/offer", json={"sdp": stripped, "type": "offer"})
        answer = response.json()
        candidates = [
            {"candidate": line[2:], "sdp_mid": "0", "sdp_mline_index": 0}
            for line in offer.splitlines()
            if line.startswith("a=candidate")
        ]
        url = "/api/offer"
        bad = {"pc_id": answer["pc_id"], "candidates": [{"candidate": "candidate:junk"}]}
        assert (await http.patch(url, json=bad)).status_code == 400
        patch = {"pc_id": answer["pc_id"], "candidates": [*candidates[:1], {"candidate": ""}]}
        assert (await http.patch(url, json=patch)).json() == {"status": "success"}
        await viewer.accept(answer["sdp"])
        assert isinstance(await viewer.event(), Ready)
