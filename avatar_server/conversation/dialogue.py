"""The interface of dialogue engines, which write the avatar's answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


class DialogueError(RuntimeError):
    """There is no answer; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user or the avatar said in one turn."""

    speaker: Literal["user", "avatar"]
    text: str
    """For the avatar: the part that was heard before any interruption."""


class Dialogue(Protocol):
    """Answers turn by turn; serves any number of conversations at the same time."""

    def answer(
        self, turns: Sequence[Turn], instructions: str, language: str
    ) -> AsyncGenerator[str]:
        """Stream the avatar's next turn after ``turns`` (the last one is the user's); the pieces
        of text, joined, are the answer.

        ``instructions`` are the persona's (a system prompt), ``language`` is a tag such as "en".
        Closing the iterator stops the work. Raises :class:`DialogueError`.
        """

    async def aclose(self) -> None:
        """Close connections; running answers end."""
