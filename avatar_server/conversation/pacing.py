"""Estimates word times for engines that report none, for captions and interruptions."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import numpy as np

from avatar_server.conversation.tts import SpeechChunk, WordMark

CHARACTERS_PER_SECOND: Final = 15.0
"""Typical speed of a voice, within a quarter; spaces count."""

# A word; scripts without spaces are marked character by character.
_WORD: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff]+"
)


def spread_words(text: str, index: int, at: int, samples: int) -> tuple[WordMark, ...]:
    """Marks for the words of ``text`` over ``samples`` of sound, in proportion to their letters.

    ``index`` is where the text begins in the whole text, ``at`` the sample at which it begins.
    """
    return tuple(
        WordMark(
            index + word.start(),
            index + word.end(),
            at + samples * word.start() // max(1, len(text)),
        )
        for word in _WORD.finditer(text)
    )


async def with_words(text: str, chunks: AsyncIterator[SpeechChunk]) -> AsyncGenerator[SpeechChunk]:
    """Add word marks at a typical pace to the ``chunks`` of ``text``; words that a faster voice
    leaves over are marked at its end."""
    words: tuple[WordMark, ...] | None = None
    samples, rate, told = 0, 0, 0
    async for chunk in chunks:
        rate = chunk.rate
        if words is None:
            words = spread_words(text, 0, 0, round(rate * len(text) / CHARACTERS_PER_SECOND))
        samples += len(chunk.pcm)
        reached = sum(word.sample < samples for word in words)
        yield SpeechChunk(chunk.pcm, rate, words[told:reached])
        told = reached
    if words is not None and told < len(words):
        rest = tuple(WordMark(word.start, word.end, samples) for word in words[told:])
        yield SpeechChunk(np.empty(0, np.float32), rate, rest)
