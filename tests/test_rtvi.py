"""Pipecat's browser clients: ``/start``, the SmallWebRTC form and RTVI on the data channel."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.rtvi import RtviClient, TrackStatus, read_foreign
from streaming.protocol import Caption, ConversationState, ErrorEvent, Transcript
from tests.fakes import scripted_talking
from tests.live import live_server

WAIT = 15.0


class PipecatClient:
    """Does on the wire what ``@pipecat-ai/small-webrtc-transport`` does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.peer = RTCPeerConnection()
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def connect(self, http: httpx.AsyncClient, **body: str) -> None:
        wanted = {"transport": "webrtc", "enableDefaultIceServers": True, "body": body}
        started = (await http.post("/start", json=wanted)).json()
        assert started["iceConfig"] == {"iceServers": []}
        self.peer.addTransceiver("audio", "sendrecv")
        self.peer.addTransceiver("video", "sendrecv")
        self.peer.addTransceiver("video", "sendonly")
        channel = self.peer.createDataChannel("chat")
        opened = asyncio.Event()
        channel.on("open", opened.set)
        channel.on("message", lambda message: self.said.put_nowait(json.loads(message)))
        await self.peer.setLocalDescription(await self.peer.createOffer())
        sdp = self.peer.localDescription.sdp
        offer = {"sdp": sdp, "type": "offer", "pc_id": None, "restart_pc": False}
        path = f"/sessions/{started['sessionId']}/api/offer"
        answer = (await http.post(path, json=offer)).raise_for_status().json()
        await self.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        patch = {"pc_id": answer["pc_id"], "candidates": [{"candidate": "", "sdp_mid": "0"}]}
        assert (await http.patch(path, json=patch)).json() == {"status": "success"}
        async with asyncio.timeout(WAIT):
            await opened.wait()
        self._channel = channel
        status = {"type": "trackStatus", "receiver_index": 1, "enabled": False}
        channel.send(json.dumps({"type": "signalling", "message": status}))
        channel.send("ping: 1")
        self.send("client-ready", {"version": "2.1.0", "about": {"library": "test"}})

    def send(self, kind: str, data: object) -> None:
        self._channel.send(json.dumps({"label": "rtvi-ai", "id": "1", "type": kind, "data": data}))

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(WAIT):
            while True:
                message = await self.said.get()
                if message.get("label") == "rtvi-ai":
                    assert message["type"] != "error" or kind == "error", message
                    if message["type"] == kind:
                        return message


async def test_a_pipecat_client_holds_a_conversation() -> None:
    with live_server(scripted_talking(greeting="Hi there.")) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            client = PipecatClient(url)
            await client.connect(http, avatar="red")
            assert (await client.until("bot-ready"))["data"]["version"] == "2.1.0"
            await client.until("bot-started-speaking")
            assert (await client.until("bot-tts-text"))["data"]["text"] == "Hi"
            assert (await client.until("bot-output"))["data"]["text"] == "Hi there."
            await client.until("bot-stopped-speaking")
            client.send("send-text", {"content": "hello", "options": {"run_immediately": True}})
            heard = await client.until("user-transcription")
            assert (heard["data"]["text"], heard["data"]["final"]) == ("hello", True)
            assert (await client.until("bot-output"))["data"]["text"] == "You said: hello."
            client.send("dtmf", {"button": "1"})
            assert "not supported" in (await client.until("error"))["data"]["error"]
            await client.peer.close()


async def test_a_bot_that_was_not_started_is_unknown() -> None:
    with live_server() as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answer = await http.post("/sessions/no/api/offer", json={"sdp": "v=0", "type": "offer"})
            assert (answer.status_code, answer.json()["error"]) == (404, "unknown_bot")
            assert (await http.post("/start", json={"body": {"avatar": 1}})).status_code == 400


async def test_starting_a_bot_needs_the_token() -> None:
    with live_server(token="key") as url:
        async with httpx.AsyncClient(base_url=url) as http:
            assert (await http.post("/start", json={})).status_code == 401
            path = "/sessions/no/api/offer"
            assert (await http.post(path, json={})).status_code == 401
            token = {"Authorization": "Bearer key"}
            assert (await http.post("/start", json={}, headers=token)).status_code == 200


def types(client: RtviClient, *events: Any) -> list[str]:
    return [message["type"] for event in events for message in client.tell(event)]


def test_what_the_user_says_and_what_is_cut() -> None:
    client = RtviClient()
    assert types(client, Transcript(text="hel"), Transcript(text="hello")) == [
        "user-started-speaking",
        "user-transcription",
        "user-transcription",
    ]
    assert types(client, Transcript(text="hello", final=True)) == [
        "user-transcription",
        "user-stopped-speaking",
    ]
    cut = ConversationState(state="interrupted", reason="voice")
    ended = Caption(utterance="u", text="You", final=True)
    assert types(client, ConversationState(state="listening"), cut, ended) == [
        "bot-interrupted",
        "bot-tts-text",
        "bot-output",
    ]
    [told] = client.tell(ErrorEvent(code="x", message="no", fatal=True))
    assert told["data"] == {"error": "no", "fatal": True}


@given(st.text() | st.binary())
def test_anything_else_is_no_message_of_theirs(message: str | bytes) -> None:
    assert read_foreign(message) is None


@pytest.mark.parametrize("message", ['{"type": "signalling", "message": {}}'])
def test_what_a_client_says_of_its_tracks_is_known(message: str) -> None:
    assert isinstance(read_foreign(message), TrackStatus)
