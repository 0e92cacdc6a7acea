"""Offers of every form that clients make."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from streaming.bandwidth import BandwidthTarget
from streaming.broadcast import Viewer
from streaming.peer import Peer
from streaming.resample import FloatArray
from streaming.sdp import UnsupportedMediaError, check_offer
from tests.until import until

WAIT = 20.0
USUAL = (("audio", "recvonly"), ("video", "recvonly"))


class Silent:
    def on_open(self) -> None: ...
    def on_message(self, message: str | bytes) -> None: ...
    def on_sound(self, pcm: FloatArray, rate: int) -> None: ...
    def on_state(self, state: str) -> None: ...
    def on_closed(self, reason: str) -> None: ...


@pytest.fixture
async def client() -> AsyncGenerator[RTCPeerConnection]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()


async def offer_of(client: RTCPeerConnection, *sections: tuple[str, str]) -> str:
    for kind, direction in sections:
        client.addTransceiver(kind, direction)
    await client.setLocalDescription(await client.createOffer())
    sdp: str = client.localDescription.sdp
    return sdp


def bundle_only(sdp: str) -> str:
    """The offer of a browser with the policy max-bundle, as RFC 9429 has it."""
    session, first, *others = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    shared = r"(?m)^a=(ice-.*|fingerprint:.*|setup:.*|rtcp(-mux|:.*)|candidate:.*|end-of-.*)\r\n"
    others = [re.sub(shared, "", section) for section in others]
    others = [re.sub(r"^(m=\w+) \d+", r"\1 0", section) for section in others]
    return "".join((session, first, *(f"{section}a=bundle-only\r\n" for section in others)))


def without_directions(sdp: str) -> str:
    return sdp.replace("a=sendrecv\r\n", "")


@pytest.mark.parametrize(
    ("sections", "form"),
    [
        (USUAL, str),
        (USUAL, bundle_only),
        ((("audio", "sendrecv"), ("video", "sendrecv")), without_directions),
        ((("video", "recvonly"),), str),
        ((("video", "sendonly"), ("video", "recvonly"), ("audio", "recvonly")), str),
    ],
    ids=["usual", "bundle-only", "no directions", "no sound", "camera first"],
)
async def test_whoever_wants_to_see_is_connected_and_sent_pictures(
    client: RTCPeerConnection, sections: tuple[tuple[str, str], ...], form: Callable[[str], str]
) -> None:
    offer = form(await offer_of(client, *sections))
    viewer = Viewer(BandwidthTarget(1_000_000, lambda: 0.0))
    peer = Peer(viewer, Silent())
    answer = await peer.answer(offer)
    assert viewer.codec == "VP8"
    await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await until(lambda: viewer.video.open and viewer.audio.open == ("m=audio" in offer))
    directions = [t.currentDirection for t in client.getTransceivers() if t.kind == "video"]
    assert directions == ["inactive"] * (len(directions) - 1) + ["recvonly"]
    await peer.close()


async def test_the_client_is_heard_where_it_sends(client: RTCPeerConnection) -> None:
    sections = (("audio", "sendonly"), ("audio", "recvonly"), ("video", "recvonly"))
    offer = check_offer(await offer_of(client, *sections))
    assert [section.direction for section in offer.sections] == ["recvonly", "sendonly", "sendonly"]


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"profile-level-id=\w+", "profile-level-id=640c1f"),
        (r"packetization-mode=1", "packetization-mode=0"),
        (r"H264/90000", "AV1/90000"),
    ],
)
async def test_video_in_forms_that_the_server_has_not(
    client: RTCPeerConnection, pattern: str, instead: str
) -> None:
    offer = re.sub(pattern, instead, await offer_of(client, *USUAL))
    check_offer(offer)
    with pytest.raises(UnsupportedMediaError, match="neither VP8 nor H264"):
        check_offer(offer.replace("VP8/90000", "VP9/90000"))
