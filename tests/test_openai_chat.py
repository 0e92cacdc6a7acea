"""The chat endpoint: streaming, history, hanging up, and every way in which it may fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.dialogue import DialogueError, Turn
from avatar_server.conversation.engines import EngineUnavailableError, load_engine
from avatar_server.conversation.openai_chat import OpenAiChat, messages, read_deltas
from avatar_server.conversation.openai_http import EndpointError
from tests.http_endpoint import (
    HttpEndpoint,
    Request,
    answering,
    finish,
    send,
    serving,
    start,
)

HELLO = (Turn("user", "Hello!"),)


def delta(text: str | None, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


async def pieces(endpoint: HttpEndpoint, **options: Any) -> list[str]:
    chat = OpenAiChat(endpoint.url, "tiny", **options)
    try:
        return [piece async for piece in chat.answer(HELLO, "Be kind.", "en")]
    finally:
        await chat.aclose()


async def test_the_answer_comes_in_pieces_as_it_is_made() -> None:
    received = asyncio.Event()

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer)
        await send(writer, b": keep alive\n\n" + delta("") + delta("Good "))
        await asyncio.wait_for(received.wait(), 5)  # only once the client has the first piece
        second = delta("mörning.")
        for byte in (second[:40], second[40:]):  # events may be cut anywhere
            await send(writer, byte)
        await send(writer, delta(None, "stop") + b"data: [DONE]\n\n")
        await finish(writer)

    async with serving(reply) as endpoint:
        chat = OpenAiChat(endpoint.url, "tiny", "secret", temperature=0.5)
        found = []
        async for piece in chat.answer(HELLO, "Be kind.", "en"):
            found.append(piece)
            received.set()
        await chat.aclose()
    assert found == ["Good ", "mörning."]
    [request] = endpoint.requests
    assert request.line == "POST /v1/chat/completions HTTP/1.1"
    assert request.headers["authorization"] == "bearer secret"
    assert request.body["model"] == "tiny"
    assert request.body["stream"] is True
    assert request.body["temperature"] == 0.5
    assert request.body["messages"][0]["content"].startswith("Be kind.")
    assert request.body["messages"][1:] == [{"role": "user", "content": "Hello!"}]


async def test_closing_the_answer_hangs_up() -> None:
    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer)
        while True:
            await send(writer, delta("and "))
            await asyncio.sleep(0.01)

    async with serving(reply) as endpoint:
        chat = OpenAiChat(endpoint.url, "tiny")
        async with aclosing(chat.answer(HELLO, "", "en")) as answer:
            assert await anext(answer) == "and "
        await asyncio.wait_for(endpoint.requests[0].closed.wait(), 5)
        await chat.aclose()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("401 Unauthorized", b'{"error": {"message": "bad key"}}', r"401 \(bad key\).*'api_key'"),
        ("404 Not Found", b'{"error": "model not found"}', r"404 \(model not found\).*'model'"),
        ("429 Too Many Requests", b"slow down", r"429 \(slow down\).*later"),
        ("500 Internal Server Error", b"<html>oops</html>", r"answered 500; .*its log"),
        ("400 Bad Request", b'{"detail": "no such field"}', r"400 \(no such field\); check"),
    ],
)
async def test_a_refusal_says_what_to_do(status: str, body: bytes, expected: str) -> None:
    async with serving(answering(body, status=status)) as endpoint:
        with pytest.raises(DialogueError, match=expected):
            await pieces(endpoint)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (b"data: nonsense\n\n", "not JSON"),
        (b"data: [1]\n\n", "not an object"),
        (b'data: {"error": {"message": "out of memory"}}\n\n', "out of memory"),
        (b"", "broke off"),
    ],
)
async def test_a_broken_stream_is_told(events: bytes, expected: str) -> None:
    async with serving(answering(delta("Well, ") + events)) as endpoint:
        with pytest.raises(DialogueError, match=expected):
            await pieces(endpoint)


async def test_a_connection_that_breaks_in_mid_answer_is_told() -> None:
    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer)
        await send(writer, delta("Well, "))
        writer.close()

    async with serving(reply) as endpoint:
        with pytest.raises(DialogueError, match="broke off in the middle"):
            await pieces(endpoint)


async def test_an_endpoint_that_stalls_is_given_up() -> None:
    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await start(writer)
        await send(writer, delta("Well, "))
        await asyncio.Event().wait()

    async with serving(reply) as endpoint:
        with pytest.raises(DialogueError, match=r"silent for 0\.2 s"):
            await asyncio.wait_for(pieces(endpoint, stall=0.2), 5)
        await asyncio.wait_for(endpoint.requests[0].closed.wait(), 5)


async def test_an_endpoint_that_is_not_there_is_told() -> None:
    async with serving(answering()) as endpoint:
        pass
    with pytest.raises(DialogueError, match="is the server running"):
        await pieces(endpoint)


async def test_odd_but_legal_events_are_taken() -> None:
    odd = b'event: x\ndata: {"choices": []}\n\ndata:{"choices":[{"delta":null}]}\n\n'
    async with serving(answering(odd + delta("Yes.") + b"data: [DONE]\n\n")) as endpoint:
        assert await pieces(endpoint) == ["Yes."]


@given(
    st.lists(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["choices", "delta", "content", "error", "finish_reason"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=8,
        ).map(json.dumps)
        | st.text(max_size=20),
        max_size=5,
    )
)
async def test_whatever_an_endpoint_sends_there_is_an_answer_or_an_error(data: list[str]) -> None:
    async def lines() -> AsyncIterator[str]:
        for item in data:
            for line in f"data: {item}".splitlines():
                yield line

    with contextlib.suppress(EndpointError):
        async for text in read_deltas(lines()):
            assert text


async def test_thoughts_of_a_reasoning_model_are_not_said() -> None:
    parts = [delta("<thi"), delta("nk>Let me see."), delta("</think>\n\n"), delta("Four.")]
    async with serving(answering(*parts, b"data: [DONE]\n\n")) as endpoint:
        assert await pieces(endpoint) == ["\n\n", "Four."]


async def test_a_model_that_only_thinks_is_told() -> None:
    parts = [delta("<think>Let me see. "), delta("Well", "length")]
    async with serving(answering(*parts, b"data: [DONE]\n\n")) as endpoint:
        with pytest.raises(DialogueError, match=r"without a word; .*'max_tokens'"):
            await pieces(endpoint)


def test_turns_become_alternating_messages() -> None:
    turns = [
        Turn("avatar", "Hi, I am Mira."),
        Turn("user", "Tell me"),
        Turn("avatar", " "),  # cut off before a word was heard
        Turn("user", "about cats."),
        Turn("avatar", "Cats are"),
    ]
    system, *rest = messages(turns, "", "de")
    assert "tag de" in system["content"]
    assert system["content"].endswith('You spoke first and said: "Hi, I am Mira."')
    assert "tag" not in messages(turns, "", "auto")[0]["content"]
    assert rest == [
        {"role": "user", "content": "Tell me about cats."},
        {"role": "assistant", "content": "Cats are"},
    ]


def test_a_greeting_alone_stays_a_message() -> None:
    assert messages([Turn("avatar", "Hi.")], "", "en")[1:] == [
        {"role": "assistant", "content": "Hi."}
    ]


def test_without_an_address_it_says_how_to_give_one() -> None:
    with pytest.raises(EngineUnavailableError, match="option 'url'"):
        load_engine("dialogue", "openai")
    with pytest.raises(EngineUnavailableError, match="ftp"):
        load_engine("dialogue", "openai", {"url": "ftp://example.org"})
