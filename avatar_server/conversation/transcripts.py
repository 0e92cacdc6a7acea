"""Publishes transcripts of the user's speech to the client."""

from __future__ import annotations

from collections.abc import Callable

from avatar_server.conversation.history import new_turn_key
from streaming.protocol import Transcript


class Transcripts:
    """Names the turns, so that a turn that is taken up again replaces its former transcript."""

    def __init__(self, publish: Callable[[Transcript], None]) -> None:
        self._publish = publish
        self._turn = ""
        self._over = True

    def partial(self, text: str) -> None:
        """The user has said ``text`` so far."""
        self._publish(Transcript(turn=self._present(), text=text))

    def final(self, text: str) -> None:
        """The turn is over, and said ``text``."""
        self._publish(Transcript(turn=self._present(), text=text, final=True))
        self._over = True

    def take_back(self) -> None:
        """The last turn was not over: later transcripts replace its final one."""
        self._over = False

    def _present(self) -> str:
        if self._over:
            self._turn, self._over = new_turn_key(), False
        return self._turn
