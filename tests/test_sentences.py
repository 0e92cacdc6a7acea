"""Cutting text that streams in: early, whole, and not within numbers or abbreviations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.sentences import LONGEST, speakable


async def stream(pieces: Iterable[str]) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece


async def cut(text: str, size: int = 3) -> list[str]:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    return [piece async for piece in speakable(stream(pieces))]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello there. How are you? Fine!", ["Hello there.", "How are you?", "Fine!"]),
        ("It costs 3.50 euros. Good.", ["It costs 3.50 euros.", "Good."]),
        ("Dr. Smith met Mr. J. Doe. Then he left.", ["Dr. Smith met Mr. J. Doe.", "Then he left."]),
        (
            "See https://example.org/a.b?c=1. Then go.",
            ["See https://example.org/a.b?c=1.", "Then go."],
        ),
        ("Am 3. Mai kommt er. Gut.", ["Am 3. Mai kommt er.", "Gut."]),
        ("The U.S. team won. Good.", ["The U.S. team won.", "Good."]),
        ("Well... maybe. Yes.", ["Well...", "maybe.", "Yes."]),
        ("你好。今天怎么样？很好！", ["你好。", "今天怎么样？", "很好！"]),
        ('She said "No." He left.', ['She said "No."', "He left."]),
        ("One line\nanother line", ["One line", "another line"]),
        ("  ", []),
        ("", []),
    ],
)
async def test_sentences(text: str, pieces: list[str]) -> None:
    assert await cut(text) == pieces


async def test_the_first_piece_may_be_a_phrase() -> None:
    pieces = await cut(
        "Of course I can help you with that, if you tell me more, and soon. Yes, do."
    )
    assert pieces[0] == "Of course I can help you with that,"
    assert pieces[1:] == ["if you tell me more, and soon.", "Yes, do."]


async def test_a_sentence_comes_as_soon_as_it_is_certain() -> None:
    seen: list[str] = []
    given_out: list[int] = []

    async def deltas() -> AsyncIterator[str]:
        for i, piece in enumerate(["Hello", " there.", " How", " are you?"]):
            given_out.append(i)
            yield piece

    async for piece in speakable(deltas()):
        seen.append(f"{piece} after {given_out[-1]}")
    assert seen[0] == "Hello there. after 2"


async def test_text_without_an_end_is_cut_between_words() -> None:
    pieces = await cut("word " * 200)
    assert len(pieces) > 3
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert " ".join(pieces).split() == ["word"] * 200


@given(
    st.text(st.sampled_from("ab .,!?。…\n3\"'é你"), max_size=400),
    st.integers(1, 9),
)
async def test_nothing_is_lost_and_chunking_does_not_matter(text: str, size: int) -> None:
    pieces = await cut(text, size)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece.strip() == piece and piece for piece in pieces)
    assert pieces == await cut(text, 1)
