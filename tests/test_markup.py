"""Markup and thoughts are not spoken; everything else is, letter by letter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.markup import plain, without_thoughts


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("This is **very** *good*, `really`.", "This is very good, really."),
        ("## A heading", "A heading"),
        ("- one\n* two\n+ three", "one\ntwo\nthree"),
        ("See [the guide](https://example.org/a) first.", "See the guide first."),
        ("**Never torn apart.", "Never torn apart."),
        ("Well done! 🎉👍🏽", "Well done!"),
        ("2 * 3 * 4 is snake_case_name - or not.", "2 * 3 * 4 is snake_case_name - or not."),
        ("It is -5 degrees, #1 and <3.", "It is -5 degrees, #1 and <3."),
        ("🎉", ""),
    ],
)
def test_marks_are_taken_out(written: str, said: str) -> None:
    assert plain(written) == said


@given(st.text("ab *_`#[]()-> \n🎉.", max_size=60))
def test_words_stay(text: str) -> None:
    said = plain(text)
    assert len(said) <= len(text)
    if not set(text) & set("*_`#[]()->🎉"):
        assert said == text.strip()


async def stream(pieces: Iterable[str]) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece


async def told(text: str, size: int) -> str:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    return "".join([piece async for piece in without_thoughts(stream(pieces))])


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>Hm, </ what? a < b.</think>\n\nYes.", "\n\nYes."),
        ("\n<think></think>No.", "No."),
        ("<thing> is a word.", "<thing> is a word."),
        ("First <think>not at the start</think>.", "First <think>not at the start</think>."),
        ("<think>cut off", ""),
        ("<thi", "<thi"),
        ("", ""),
    ],
)
async def test_thoughts_are_kept_back(text: str, answer: str, size: int) -> None:
    assert await told(text, size) == answer


@given(st.text("<think/> a", max_size=40), st.integers(1, 10))
async def test_chunking_changes_nothing(text: str, size: int) -> None:
    assert await told(text, size) == await told(text, 1_000)
