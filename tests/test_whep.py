"""WHEP viewers: status codes of the draft, one encode, ends that leave nothing behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from streaming.protocol import Ready
from tests.until import until_gone
from tests.webrtc_browser import WAIT, Browser, browser, running, sessions

__all__ = ["browser"]

SDP = {"content-type": "application/sdp"}


async def test_watch_a_session_of_ones_own_and_make_it_speak(
    browser: Callable[..., Browser],
) -> None:
    async with running() as (_, http):
        viewer = browser(channel=False)
        response = await http.post("/v1/whep", content=await viewer.offer(), headers=SDP)
        assert response.status_code == 201
        assert response.headers["content-type"].startswith("application/sdp")
        assert response.headers["etag"]
        await viewer.accept(response.text)
        frame = await viewer.picture()
        quiet = frame.to_ndarray()[:64].mean()
        url = f"/v1/sessions/{response.headers['avatar-session']}/events"
        said = await http.post(url, content=json.dumps({"type": "say", "text": "hello " * 20}))
        assert said.status_code == 202
        async with asyncio.timeout(WAIT):
            while (await viewer.picture()).to_ndarray()[:64].mean() < quiet + 20:
                pass
        assert (await http.post(url, content="{}")).status_code == 400
        assert (await http.delete(response.headers["location"])).status_code == 200
        await until_gone(http)
        assert (await http.delete(response.headers["location"])).status_code == 404


async def test_watch_the_session_of_somebody_else(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        owner, viewer = browser(), browser(channel=False)
        await owner.connect(http)
        ready = await owner.event()
        assert isinstance(ready, Ready)
        url = f"/v1/whep?session={ready.session}"
        response = await http.post(url, content=await viewer.offer(), headers=SDP)
        assert response.status_code == 201
        await viewer.accept(response.text)
        await viewer.picture()
        assert await sessions(http) == 1
        assert (await http.delete(response.headers["location"])).status_code == 200
        owner.send(type="ping", id=1)
        await owner.event()
        assert await sessions(http) == 1, "the owner stays"


async def test_refusals(browser: Callable[..., Browser]) -> None:
    async with running() as (_, http):
        offer = await browser(channel=False).offer()
        assert (await http.post("/v1/whep", content=offer)).status_code == 415
        assert (await http.post("/v1/whep", content="junk", headers=SDP)).status_code == 400
        big = await http.post("/v1/whep", content="v=0" + "x" * 70_000, headers=SDP)
        assert big.status_code == 413
        unknown = await http.post("/v1/whep?session=no", content=offer, headers=SDP)
        assert unknown.status_code == 404
        no_video = offer.replace("VP8", "VP7").replace("H264", "H261")
        assert (await http.post("/v1/whep", content=no_video, headers=SDP)).status_code == 406
        assert (await http.get("/v1/whep")).status_code == 405
        assert (await http.options("/v1/whep")).headers["accept-post"] == "application/sdp"
        await until_gone(http)


@pytest.mark.parametrize(
    ("match", "status"), [(None, 428), ("*", 422), ('"other"', 412), ("etag", 204)]
)
async def test_trickle(browser: Callable[..., Browser], match: str | None, status: int) -> None:
    async with running() as (_, http):
        viewer = browser(channel=False)
        offer = await viewer.offer()
        response = await http.post("/v1/whep", content=offer, headers=SDP)
        candidate = next(line for line in offer.splitlines() if line.startswith("a=candidate"))
        headers = {"content-type": "application/trickle-ice-sdpfrag"}
        if match is not None:
            headers["if-match"] = response.headers["etag"] if match == "etag" else match
        patched = await http.patch(
            response.headers["location"],
            content=f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{candidate}\r\n",
            headers=headers,
        )
        assert patched.status_code == status
