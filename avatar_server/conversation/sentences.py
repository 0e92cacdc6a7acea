"""Cuts a text into pieces that can be spoken while it is still being generated."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

LONGEST: Final = 240
"""Characters of the longest piece; a longer sentence is cut at a phrase or a word."""

FIRST_PHRASE: Final = 16
"""Characters after which the first piece may end at a comma, so that the voice starts sooner."""

# The end of a sentence is certain only once the next character is known.
_SENTENCE: Final = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”’]*(?=[^。！？」』”’])|\n")
_PHRASE: Final = re.compile(r"[,;:](?=\s)|[，；：、]|\s[–—-](?=\s)")
_WORD: Final = re.compile(r"\s")

_ABBREVIATIONS: Final = frozenset(
    "mr mrs ms dr prof st vs etc e.g i.e jr sr inc ltd co vol fig approx dept est "
    "z.b d.h u.a bzw ca nr str hr fr usw evtl ggf vgl "
    "m mme mlle av ex p.ex sra srta ud dott sig".split()
)


async def speakable(deltas: AsyncIterable[str]) -> AsyncIterator[str]:
    """Yield sentences (the first perhaps only a phrase) as soon as each is complete.

    Joined, the pieces are the text up to white space at their ends; none is blank.
    """
    waiting = ""
    first = True
    async for delta in deltas:
        waiting += delta
        while (end := _end_of_piece(waiting, first)) is not None:
            piece, waiting = waiting[:end].strip(), waiting[end:]
            if piece:
                yield piece
                first = False
    if waiting.strip():
        yield waiting.strip()


def _end_of_piece(text: str, first: bool) -> int | None:
    """Where the first piece of ``text`` ends; None if it is not complete yet."""
    sentence = next((m.end() for m in _SENTENCE.finditer(text) if _is_end(text, m)), None)
    if first:
        phrases = (m.end() for m in _PHRASE.finditer(text) if m.end() >= FIRST_PHRASE)
        phrase = next(phrases, None)
        if phrase is not None and (sentence is None or phrase < sentence):
            return phrase
    if sentence is not None and sentence <= LONGEST:
        return sentence
    if len(text) <= LONGEST:
        return None
    for boundary in (_PHRASE, _WORD):
        ends = [m.end() for m in boundary.finditer(text, 0, LONGEST)]
        if ends:
            return ends[-1]
    return LONGEST


def _is_end(text: str, mark: re.Match[str]) -> bool:
    """Whether a full stop ends a sentence, rather than an abbreviation, an initial or an ordinal
    number."""
    if not mark.group().startswith(".") or mark.group().startswith(".."):
        return True
    word = re.search(r"[^\s(\[\"']*$", text[: mark.start()])
    before = word.group().lower() if word else ""
    if before in _ABBREVIATIONS:
        return False
    if re.fullmatch(r"(?:[^\W\d_]\.)*[^\W\d_]", before):
        return False  # an initial, or several: "J.", "U.S."
    return not (before.isdigit() and len(before) <= 2)
