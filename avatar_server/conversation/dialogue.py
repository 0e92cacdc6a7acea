"""What decides the answer must do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


class DialogueError(RuntimeError):
    """There is no answer; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    speaker: Literal["user", "avatar"]
    text: str
    """For the avatar: what was really heard, cut where it was interrupted."""


class Dialogue(Protocol):
    """Answers turn by turn; serves any number of conversations at the same time."""

    def answer(
        self, turns: Sequence[Turn], instructions: str, language: str
    ) -> AsyncGenerator[str]:
        """The avatar's next turn after ``turns`` (the last one is the user's), in pieces of text
        as they are decided; joined they are the answer.

        ``instructions`` are the persona's (a system prompt), ``language`` is a tag such as "en".
        Closing the iterator stops the work. Raises :class:`DialogueError`.
        """

    async def aclose(self) -> None:
        """Free connections; answers that are under way end."""
