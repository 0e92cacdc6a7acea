"""What an observer of a conversation is told."""

from __future__ import annotations

import pytest

from avatar_server.conversation.progress import (
    AnswerBegan,
    AnswerEnded,
    AnswerMade,
    AnswerSounded,
    AnswerWritten,
    UserBegan,
    UserEnded,
)
from streaming.protocol import Speaking
from tests.room import room


async def test_an_observer_follows_both_sides() -> None:
    async with room() as r:
        await r.speak(words="how are you")
        await r.until(Speaking, on=False, reason="finished")
        kinds = [type(p) for p in r.progress]
        assert list(dict.fromkeys(kinds)) == [
            UserBegan,
            UserEnded,
            AnswerBegan,
            AnswerWritten,
            AnswerSounded,
            AnswerMade,
            AnswerEnded,
        ]
        began, ended = r.progress[:2]
        assert isinstance(began, UserBegan)
        assert isinstance(ended, UserEnded)
        assert began.turn == ended.turn
        assert (began.second, ended.second) == (
            pytest.approx(0, abs=0.1),
            pytest.approx(0.3, abs=0.1),
        )
        last = r.progress[-1]
        assert isinstance(last, AnswerEnded)
        assert (last.outcome, last.heard) == ("finished", "You said: how are you.")
        assert last.position_ms == pytest.approx(1000, abs=20), "five words of 200 ms"
