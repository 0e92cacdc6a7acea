"""The wire types: what is taken, what is refused, and that nothing crashes the reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.protocol import (
    MAX_MESSAGE,
    MAX_TEXT,
    Caption,
    Interrupt,
    Ping,
    ProtocolError,
    Ready,
    Say,
    Speaking,
    read_client_event,
    read_server_event,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
TYPES = st.sampled_from(["say", "interrupt", "microphone", "express", "ping", "fly"])


def test_events_are_read_by_their_type() -> None:
    assert read_client_event('{"type": "say", "text": "hi"}') == Say(text="hi")
    assert read_client_event(b'{"type": "interrupt", "more": 1}') == Interrupt()
    assert read_client_event('{"type": "ping", "id": 3}') == Ping(id=3)


@pytest.mark.parametrize(
    "event",
    [
        Ready(session="s", avatar="a", fps=25, size=512),
        Speaking(on=False, utterance="u", reason="interrupted"),
        Caption(utterance="u", text="grüß dich 你好 🙂", final=True),
    ],
)
def test_what_the_server_sends_a_client_reads(event: Ready | Speaking | Caption) -> None:
    assert read_server_event(event.model_dump_json()) == event


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("", "JSON"),
        ("[]", "message"),
        ('{"text": "hi"}', "discriminator"),
        ('{"type": "say"}', "text"),
        (json.dumps({"type": "say", "text": "x" * (MAX_TEXT + 1)}), "4000"),
        ("x" * (MAX_MESSAGE + 1), "at most"),
        ('{"type": "microphone", "on": "perhaps"}', "on"),
    ],
)
def test_what_is_wrong_is_said(message: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        read_client_event(message)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_refused_and_nothing_else(message: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        read_client_event(message)


@given(TYPES, st.dictionaries(st.sampled_from(["text", "on", "id", "emotion", "intensity"]), JSON))
def test_any_object_is_an_event_or_refused(kind: str, fields: dict[str, object]) -> None:
    try:
        event = read_client_event(json.dumps({**fields, "type": kind}))
    except ProtocolError:
        return
    assert event.type == kind
