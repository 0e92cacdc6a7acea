"""The built-in responder: small, honest, always the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.responder import HOW_TO, Responder


async def reply(
    said: str, before: Sequence[Turn] = (), now: datetime = datetime(2026, 3, 22, 15, 5)
) -> str:
    responder = Responder(lambda: now)
    turns = [*before, Turn("user", said)]
    pieces = [piece async for piece in responder.answer(turns, "You are Mira, a guide.", "en")]
    return "".join(pieces)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Hello there!", "Hello!"),
        ("what is your name", "I am Mira."),
        ("What’s the time?", "It is 3:05 in the afternoon."),
        ("what day is it today", "Today is Sunday, the 22nd of March."),
        ("How are you?", "I am well"),
        ("Are you real?", "I am a drawn face"),
        ("Can you help me?", HOW_TO),
        ("thank you very much", "You are welcome."),
        ("please stop talking", "I am listening."),
        ("Tell me where the buses stop", "I heard you say"),
        ("Goodbye!", "Goodbye!"),
        ("", "say that again"),
    ],
)
async def test_small_questions_are_answered(said: str, expected: str) -> None:
    assert expected in await reply(said)


async def test_the_hour_is_told_as_people_say_it() -> None:
    assert (
        await reply("what time is it", now=datetime(2026, 1, 1, 0, 0))
        == "It is 12 o'clock in the morning."
    )
    assert (
        await reply("what time is it", now=datetime(2026, 1, 1, 20, 30))
        == "It is 8:30 in the evening."
    )


async def test_what_it_cannot_answer_it_repeats_and_says_why_once() -> None:
    first = await reply("Tell me about the weather in London.")
    assert first == f"I heard you say: Tell me about the weather in London. {HOW_TO}"
    second = await reply("And in Rome?", [Turn("user", "..."), Turn("avatar", first)])
    assert second == "I heard you say: And in Rome. I cannot say more about it yet."


async def test_a_word_inside_another_is_not_a_greeting() -> None:
    assert "heard you say" in await reply("This thing is shiny")


async def test_without_a_name_it_claims_none() -> None:
    responder = Responder()
    turns = [Turn("user", "who are you")]
    pieces = [piece async for piece in responder.answer(turns, "you are very polite", "en")]
    assert pieces[0].strip() == "I am an avatar."


@given(st.text(max_size=200))
async def test_anything_gets_an_answer(said: str) -> None:
    assert (await reply(said)).strip()
