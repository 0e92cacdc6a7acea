"""Removes what a language model writes for readers before it is spoken: markup, emoji, thoughts."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_EMPHASIS: Final = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=[^\s*_])(.+?)(?<=[^\s*_])\1(?![\w*])")
# Cutting text into sentences may separate a pair.
_STRAY: Final = re.compile(r"\*{2,}|`+")
_LINE_START: Final = re.compile(r"^[ \t]*(?:[*+-]|#{1,6}|>)[ \t]+", re.MULTILINE)
_PICTURES: Final = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u200d\ufe0f]+")

_THINK, _THOUGHT = "<think>", "</think>"


def plain(text: str) -> str:
    """``text`` without Markdown's marks, link targets and emoji; the words stay as they are."""
    text = _LINK.sub(r"\1", text)
    text = _LINE_START.sub("", text)
    text = _STRAY.sub("", _EMPHASIS.sub(r"\2", text))
    return _PICTURES.sub("", text).strip()


async def without_thoughts(deltas: AsyncIterator[str]) -> AsyncGenerator[str]:
    """``deltas`` without the ``<think>`` part with which reasoning models may begin."""
    waiting = ""
    decided = thinking = False
    async for delta in deltas:
        if decided:
            yield delta
            continue
        waiting += delta
        start = waiting.lstrip()
        if not thinking:
            if start.startswith(_THINK):
                thinking = True
            elif not _THINK.startswith(start):
                decided = True
                yield waiting
                continue
        if thinking:
            _, ended, answer = waiting.partition(_THOUGHT)
            if ended:
                decided = True
                if answer:
                    yield answer
            else:
                waiting = _THINK + waiting[-len(_THOUGHT) :]  # may end in half of the closing tag
    if not decided and not thinking and waiting:
        yield waiting
