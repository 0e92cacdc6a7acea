"""Cutting text where a speaker would pause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

CLAUSE_LENGTH: Final = 200
"""Characters that a clause has at most: some 15 s of speech."""

# In order of preference: after a sentence, after a phrase, between words.
_BOUNDARIES: Final = (
    re.compile(r"[.!?…]+[\"'”’)\]]*\s+|[。！？]+[」』”’]*\s*|\n+"),
    re.compile(r"[,;:]\s+|[，；：、]\s*|\s[–—-]+\s"),
    re.compile(r"\s+"),
)


def clauses(text: str, limit: int = CLAUSE_LENGTH) -> Iterator[tuple[int, str]]:
    """Yield (index, clause) with ``text[index:index + len(clause)] == clause``.

    The clauses joined are ``text``; each has at most ``limit`` characters and ends at the last
    sentence end within the limit, else the last phrase end, else between words.
    """
    start = 0
    while len(text) - start > limit:
        end = _cut(text, start, start + limit)
        yield start, text[start:end]
        start = end
    if start < len(text):
        yield start, text[start:]


def _cut(text: str, start: int, limit: int) -> int:
    for boundary in _BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, start, limit)]
        if ends:
            return ends[-1]
    return limit
