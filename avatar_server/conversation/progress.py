"""What an observer of a conversation is told, besides the events that its client gets.

Turns are named by their key in the conversation's history; the avatar's utterance has the same
name, so that captions and playout can be matched with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from avatar_server.conversation.tts import SpeechChunk
from avatar_server.conversation.turns import Reason


@dataclass(frozen=True, slots=True)
class UserBegan:
    """The user has begun a spoken turn."""

    turn: str
    second: float
    """Second of the microphone's sound at which the speech began."""


@dataclass(frozen=True, slots=True)
class UserEnded:
    """The user's turn is over; a written one has not begun before."""

    turn: str
    second: float
    """Second of the microphone's sound at which the speech ended."""
    text: str
    """What it said; "" when no words were heard and the turn is forgotten."""


@dataclass(frozen=True, slots=True)
class UserRevoked:
    """The user went on: the turn was not over and will end anew, with all its words."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerBegan:
    """The avatar answers; what follows is about this turn until it has ended."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerWritten:
    """The answer has grown by ``text``."""

    turn: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerSounded:
    """The answer's sound has grown, ahead of its playout."""

    turn: str
    index: int
    """Index in the answer's text of the piece that ``chunk`` counts its words from."""
    chunk: SpeechChunk


@dataclass(frozen=True, slots=True)
class AnswerMade:
    """All of the answer's sound has been made."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    """The answer has been heard or cut."""

    turn: str
    outcome: Literal["finished", "cut", "failed"]
    reason: Reason | None
    """What cut it."""
    heard: str
    position_ms: int
    """How much of its sound was heard."""


Progress = (
    UserBegan
    | UserEnded
    | UserRevoked
    | AnswerBegan
    | AnswerWritten
    | AnswerSounded
    | AnswerMade
    | AnswerEnded
)
