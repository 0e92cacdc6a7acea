"""What is remembered of a conversation."""

from __future__ import annotations

import pytest

from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.history import MAX_TURNS, History


def history(*texts: str) -> History:
    made = History()
    for text in texts:
        made.add(text, Turn("user", text))
    return made


def said(history: History) -> list[str]:
    return [turn.text for turn in history.turns]


def test_turns_are_kept_in_order_and_the_oldest_forgotten() -> None:
    made = history(*map(str, range(MAX_TURNS + 3)))
    assert said(made) == [str(i) for i in range(3, MAX_TURNS + 3)]
    assert "2" not in made


def test_a_turn_can_be_put_anywhere() -> None:
    made = history("a", "c")
    made.add("b", Turn("avatar", "b"), made.position_after("a"))
    made.add("first", Turn("user", "first"), 0)
    assert said(made) == ["first", "a", "b", "c"]
    with pytest.raises(KeyError):
        made.position_after("nothing")


def test_a_turn_can_be_shortened_and_forgotten() -> None:
    made = history("a", "b", "c")
    made.amend("a", "A")
    made.amend("b", "")
    made.amend("nothing", "x")
    made.remove("c")
    made.remove("nothing")
    assert said(made) == ["A"]
