"""The history of a conversation, turn by turn."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from avatar_server.conversation.dialogue import Turn

MAX_TURNS: Final = 100
"""Turns that are remembered; the oldest are forgotten."""


def new_turn_key() -> str:
    """A new random key for a turn."""
    return f"item_{secrets.token_hex(8)}"


class History:
    """Turns in order, each under a key by which it can be changed later."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns.values())

    def __contains__(self, key: str) -> bool:
        return key in self._turns

    def add(self, key: str, turn: Turn, position: int | None = None) -> None:
        """Insert ``turn`` at index ``position``, by default at the end."""
        entries = list(self._turns.items())
        entries.insert(len(entries) if position is None else position, (key, turn))
        self._turns = dict(entries[-MAX_TURNS:])

    def position_after(self, key: str) -> int:
        """Index after the turn under ``key``; raises KeyError."""
        try:
            return list(self._turns).index(key) + 1
        except ValueError:
            raise KeyError(key) from None

    def amend(self, key: str, text: str) -> None:
        """Replace the text of the turn under ``key``, if it is remembered; "" removes it."""
        if key not in self._turns:
            return
        if text:
            self._turns[key] = replace(self._turns[key], text=text)
        else:
            del self._turns[key]

    def remove(self, key: str) -> None:
        """Forget the turn under ``key``, if it is remembered."""
        self._turns.pop(key, None)
