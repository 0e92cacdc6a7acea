"""Estimated word times: all words, in order, none before it can have been spoken."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.pacing import spread_words, with_words
from avatar_server.conversation.tts import SpeechChunk

RATE = 16_000


async def sound(*sizes: int) -> AsyncGenerator[SpeechChunk]:
    for size in sizes:
        yield SpeechChunk(np.zeros(size, np.float32), RATE)


def test_words_share_the_sound_by_their_letters() -> None:
    marks = spread_words("ab cdef gh", 100, 1_000, 10_000)
    assert [(mark.start, mark.end, mark.sample) for mark in marks] == [
        (100, 102, 1_000),
        (103, 107, 4_000),
        (108, 110, 9_000),
    ]


def test_scripts_without_spaces_are_marked_by_character() -> None:
    text = "今天 ok 好"
    assert [text[m.start : m.end] for m in spread_words(text, 0, 0, 100)] == [
        "今",
        "天",
        "ok",
        "好",
    ]


@given(st.text(max_size=80), st.lists(st.integers(1, 20_000), min_size=1, max_size=12))
async def test_every_word_comes_once_and_in_order(text: str, sizes: list[int]) -> None:
    chunks = [chunk async for chunk in with_words(text, sound(*sizes))]
    words = [word for chunk in chunks for word in chunk.words]
    assert [text[w.start : w.end] for w in words] == [
        text[w.start : w.end] for w in spread_words(text, 0, 0, 1)
    ]
    assert all(a.sample <= b.sample and a.end <= b.start for a, b in pairwise(words))
    begin = 0
    for chunk in chunks:
        assert all(begin <= w.sample <= begin + len(chunk.pcm) for w in chunk.words)
        begin += len(chunk.pcm)
    assert begin == sum(sizes)


@pytest.mark.parametrize(("seconds", "words"), [(0.5, 2), (1.5, 5)])
async def test_what_was_spoken_when_cut_is_about_right(seconds: float, words: int) -> None:
    text = "one two six ten red sky."  # 24 characters: 1.6 s
    chunks = with_words(text, sound(*[800] * round(seconds * 20)))
    found = [word async for chunk in chunks if len(chunk.pcm) for word in chunk.words]
    assert abs(len(found) - words) <= 1
