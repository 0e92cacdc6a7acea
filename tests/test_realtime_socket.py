"""Who may connect to the Realtime socket, who sees its session, and what no message can do."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from avatar_server.conversation.persona import Persona
from avatar_server.realtime.events import RATE
from avatar_server.realtime.items import MAX_ITEMS, Item, Items
from avatar_server.realtime.session import MAX_AHEAD_SECONDS, RealtimeSession
from avatar_server.realtime.settings import RealtimeSettings
from avatar_server.session import Session
from avatar_server.talk import Talking
from client.peer import Peer
from streaming.protocol import Chat, Speaking
from tests.fakes import EchoDialogue, scripted_talking
from tests.live import live_server
from tests.socket_events import WAIT, event
from tests.until import until_gone


def address(url: str, **query: str) -> str:
    return str(httpx.URL(url.replace("http", "ws") + "/v1/realtime", params=query))


@asynccontextmanager
async def calling(url: str, **query: str) -> AsyncGenerator[tuple[ClientConnection, str]]:
    # Events that nobody reads must not keep the client from closing.
    async with connect(address(url, **query), max_queue=None) as socket:
        yield socket, (await event(socket, "session.created"))["session"]["id"]


async def send(socket: ClientConnection, kind: str, **fields: object) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


def user(text: str) -> dict[str, object]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


async def test_a_browser_joins_the_session_and_may_leave_it_again() -> None:
    with live_server() as url:
        async with calling(url) as (socket, session):
            async with Peer.connect(url, session=session) as peer:
                await peer.first_frame()
                await send(socket, "conversation.item.create", item=user("hello"))
                await send(socket, "response.create")
                await peer.event(Speaking, lambda e: not e.on and e.reason == "finished")
                await event(socket, "response.done")
                peer.send(Chat(text="from the page"))
                added = await event(socket, "conversation.item.added")
                assert added["item"]["content"][0]["text"] == "from the page"
                done = await event(socket, "response.done")
                assert "from the page" in json.dumps(done)
            await send(socket, "input_audio_buffer.clear")
            await event(socket, "input_audio_buffer.cleared")
        await until_gone(url)


async def test_a_socket_joins_a_session_that_a_browser_began() -> None:
    with live_server() as url:
        async with Peer.connect(url) as peer:
            async with calling(url, session=peer.ready.session) as (socket, session):
                assert session == peer.ready.session
                await send(socket, "conversation.item.create", item=user("hello"))
                await send(socket, "response.create")
                await peer.event(Speaking, lambda e: not e.on)
            peer.say("still here")
            await peer.spoken("u1")


async def test_a_client_chooses_the_size_of_the_pictures() -> None:
    with live_server() as url:
        async with connect(address(url, size="256")) as socket:
            created = await event(socket, "session.created")
            assert created["session"]["avatar"]["size"] == 256


async def test_the_conversation_ended_by_others_ends_the_socket() -> None:
    with live_server() as url:
        async with calling(url) as (socket, session), httpx.AsyncClient(base_url=url) as http:
            body = {"type": "converse", "on": False}
            assert (await http.post(f"/v1/sessions/{session}/events", json=body)).is_success
            with pytest.raises(ConnectionClosed) as closed:
                await event(socket, "none")
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, "ended" in closed.value.rcvd.reason) == (1001, True)
        await until_gone(url)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"session": "no"}, "session"),
        ({"persona": "nobody"}, "flat"),
        ({"avatar": "nobody"}, "nobody"),
        ({"size": "300"}, "256, 512 or 768"),
    ],
)
async def test_a_wrong_address_is_told(query: dict[str, str], words: str) -> None:
    with live_server() as url:
        async with connect(address(url, **query)) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await event(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
            assert words in closed.value.rcvd.reason
        await until_gone(url)


async def test_a_server_without_engines_says_so() -> None:
    def load() -> Any:
        from avatar_server.conversation.engines import EngineUnavailableError

        raise EngineUnavailableError("there is no recogniser here")

    with live_server(Talking(scripted_talking().personas, load)) as url:
        async with connect(address(url)) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await event(socket)
            assert closed.value.rcvd is not None
            assert "recogniser" in closed.value.rcvd.reason


async def test_tokens_open_it_by_header_or_subprotocol() -> None:
    with live_server(token="key") as url:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address(url)):
                pass
        assert refused.value.response.status_code == 401
        async with httpx.AsyncClient(headers={"Authorization": "Bearer key"}) as http:
            token = (await http.post(f"{url}/v1/tokens", json={})).json()["token"]
        offers: Any = ["realtime", f"openai-insecure-api-key.{token}"]
        async with connect(address(url), subprotocols=offers) as socket:
            assert socket.subprotocol == "realtime"
            await event(socket, "session.created")
        headers = {"Authorization": "Bearer key"}
        async with connect(address(url), additional_headers=headers) as socket:
            await event(socket, "session.created")


async def test_who_is_not_named_is_whoever_the_face_belongs_to(tmp_path: Path) -> None:
    for name, avatar in (("anna", "red"), ("bert", "flat")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name, "avatar": avatar}))
    talking = scripted_talking(folder=tmp_path)
    with live_server(talking, token="key") as url:
        key = {"Authorization": "Bearer key"}
        async with httpx.AsyncClient(headers=key) as http:
            granted = await http.post(f"{url}/v1/tokens", json={"avatar": "red"})
        only_red = {"Authorization": f"Bearer {granted.json()['token']}"}
        cases: list[tuple[dict[str, str], dict[str, str], tuple[str, str]]] = [
            (key, {}, ("bert", "flat")),
            (key, {"model": "gpt-realtime", "avatar": "red"}, ("anna", "red")),
            (key, {"model": "bert", "avatar": "red"}, ("bert", "red")),
            (only_red, {}, ("anna", "red")),
        ]
        for headers, query, expected in cases:
            async with connect(address(url, **query), additional_headers=headers) as socket:
                shown = (await event(socket, "session.created"))["session"]["avatar"]
                assert (shown["persona"], shown["name"]) == expected
        async with connect(address(url, persona="bert"), additional_headers=only_red) as socket:
            with pytest.raises(ConnectionClosed, match="token is for the avatar 'red'"):
                await event(socket)


async def test_too_many_connections_are_refused() -> None:
    with live_server(offers_per_minute=6) as url:
        async with calling(url):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(address(url)):
                    pass
            assert refused.value.response.status_code == 429


async def test_many_small_pieces_are_no_more_than_their_sound() -> None:
    with live_server() as url:
        async with calling(url) as (socket, _):
            silence = base64.b64encode(bytes(48)).decode()
            async with asyncio.timeout(10):
                for _ in range(1_000):
                    await send(socket, "input_audio_buffer.append", audio=silence)
                await send(socket, "input_audio_buffer.clear")
                await event(socket, "input_audio_buffer.cleared")


async def test_half_a_sample_is_forgotten_with_the_sound_before_it() -> None:
    def sound(count: int) -> str:
        return base64.b64encode(bytes(count)).decode()

    with live_server() as url:
        async with calling(url) as (socket, _):
            audio = {"input": {"turn_detection": None}}
            await send(socket, "session.update", session={"type": "realtime", "audio": audio})
            await send(socket, "input_audio_buffer.append", audio=sound(1))
            await send(socket, "input_audio_buffer.clear")
            tenth = 2 * RATE // 10
            await send(socket, "input_audio_buffer.append", audio=sound(tenth - 1))
            await send(socket, "input_audio_buffer.commit")
            error = (await event(socket, "error"))["error"]
            assert error["code"] == "input_audio_buffer_commit_empty"


async def test_texts_of_the_system_are_forgotten_with_their_items() -> None:
    talking = scripted_talking()
    with live_server(talking) as url:
        async with calling(url) as (socket, _):
            for number in range(MAX_ITEMS + 5):
                content = [{"type": "input_text", "text": f"note {number}."}]
                item = {"type": "message", "role": "system", "content": content}
                await send(socket, "conversation.item.create", item=item)
            await send(socket, "response.create")
            await event(socket, "response.done")
    (instructions,) = cast(EchoDialogue, talking.engines.dialogue).instructions
    noted = [line for line in instructions.splitlines() if line.startswith("note")]
    assert (noted[0], noted[-1]) == ("note 5.", f"note {MAX_ITEMS + 4}.")


async def test_what_is_refused_is_counted_once() -> None:
    with live_server() as url:
        async with calling(url) as (socket, _), httpx.AsyncClient(base_url=url) as http:
            await send(socket, "nonsense")
            await send(socket, "response.cancel")
            await send(socket, "conversation.item.delete", item_id="nothing")
            await send(socket, "session.update", session={"avatar": {"name": "nobody"}})
            codes = [(await event(socket, "error"))["error"]["code"] for _ in range(4)]
            assert codes[1:] == ["response_cancel_not_active", "item_not_found", "unknown_avatar"]
            metrics = (await http.get("/metrics")).text
        for code in ("bad_message", *codes[1:]):
            assert f'avatar_errors_total{{code="{code}"}} 1.0' in metrics


async def test_a_full_server_says_try_again() -> None:
    with live_server(max_sessions=1) as url:
        async with calling(url), connect(address(url)) as second:
            with pytest.raises(ConnectionClosed) as closed:
                await event(second)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013


# --- no message can crash or wedge a session ------------------------------------------------------

TYPES = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
    "session.created",
    "nonsense",
)
NAMES = (
    "event_id item_id item role content text audio session response previous_item_id id "
    "audio_end_ms content_index turn_detection voice instructions input output format avatar "
    "persona name emotion modalities metadata input_audio_format"
).split()
texts = st.text(max_size=30) | st.sampled_from(
    ["one", "root", "user", "assistant", "input_text", "server_vad", "pcm16", "\ud800", "flat"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)
objects = st.builds(
    lambda kind, fields: json.dumps({**fields, "type": kind}),
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
)
sounds = st.builds(
    lambda data: json.dumps(
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode()}
    ),
    st.binary(max_size=5_000),
)
sensible = st.sampled_from(
    [
        json.dumps({"type": "conversation.item.create", "item": {**user("a b c"), "id": "one"}}),
        json.dumps({"type": "conversation.item.delete", "item_id": "one"}),
        json.dumps({"type": "response.create"}),
        json.dumps({"type": "response.cancel"}),
        json.dumps({"type": "input_audio_buffer.commit"}),
        json.dumps({"type": "session.update", "session": {"turn_detection": None}}),
        json.dumps({"type": "session.update", "session": {"turn_detection": {}}}),
        json.dumps(
            {"type": "session.update", "session": {"turn_detection": {"type": "semantic_vad"}}}
        ),
    ]
)
messages = (
    objects
    | sounds
    | sensible
    | st.text(max_size=50)
    | st.binary(max_size=50)
    | st.sampled_from(["", "{}", "[]", "null", "[" * 5_000, '{"type":' * 900, "NaN"])
)


async def test_no_messages_can_crash_or_wedge_a_session() -> None:
    with live_server(scripted_talking(["one two"] * 500)) as url:
        async with calling(url) as (socket, _):
            loop = asyncio.get_running_loop()

            async def survive(batch: list[str | bytes]) -> None:
                for message in batch:
                    data = (
                        message
                        if isinstance(message, bytes)
                        else message.encode(errors="surrogatepass").decode(errors="replace")
                    )
                    await socket.send(data)
                # Whatever came before, this is answered, and with its own event's id.
                await send(socket, "conversation.item.retrieve", item_id="no", event_id="probe")
                while True:
                    found = await event(socket, "error")
                    assert found["error"]["message"]
                    if found["error"]["event_id"] == "probe":
                        return

            @settings(max_examples=300, deadline=None)
            @given(st.lists(messages, max_size=6))
            def fuzz(batch: list[str | bytes]) -> None:
                asyncio.run_coroutine_threadsafe(survive(batch), loop).result(WAIT)

            await asyncio.to_thread(fuzz)
            await send(socket, "response.cancel")
            # An answer to something before may still be going on.
            for _ in range(5):
                await send(socket, "conversation.item.create", item=user("still there"))
                await send(socket, "response.create")
                done = await event(socket, "response.done")
                if "still there" in json.dumps(done):
                    break
            assert "still there" in json.dumps(done)
        await until_gone(url)


def test_a_full_conversation_forgets_its_oldest_item_never_the_new_one() -> None:
    items = Items()
    for number in range(MAX_ITEMS):
        items.add(Item(f"item {number}", "user", "input_text", ""))
    assert items.add(Item("first", "system", "input_text", ""), "root") is None
    assert items.before("first") == []
    assert "item 0" not in items
    items.add(Item("last", "user", "input_text", ""))
    assert "first" not in items
    assert items.last == "last"


async def test_a_pause_is_no_credit_for_sound_that_comes_in_bulk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = RealtimeSession(
        cast(Session, None),
        scripted_talking(),
        (),
        RealtimeSettings(Persona(name="x")),
        print,
        print,
    )
    monkeypatch.setattr(client, "_hear", lambda _: None)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    loop = asyncio.get_running_loop()
    later = loop.time() + 600
    monkeypatch.setattr(loop, "time", lambda: later)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    audio = base64.b64encode(bytes(2 * RATE)).decode()
    message = json.dumps({"type": "input_audio_buffer.append", "audio": audio})
    for _ in range(round(MAX_AHEAD_SECONDS)):
        await client.receive(message)
    assert max(waits) < 0.001
    await client.receive(message)
    assert waits[-1] == pytest.approx(1.0)
