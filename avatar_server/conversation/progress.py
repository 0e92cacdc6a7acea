"""Progress of a conversation's turns, for observers, besides the events for its client.

Turns are identified by their key in the conversation's history. The avatar's utterance has its
turn's key as its name, so that captions and playout can be matched with it.
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
    """The user's turn is over; typed turns have no :class:`UserBegan` before."""

    turn: str
    second: float
    """Second of the microphone's sound at which the speech ended."""
    text: str
    """What the user said; "" when no words were recognised and the turn is discarded."""


@dataclass(frozen=True, slots=True)
class UserRevoked:
    """The user went on speaking: the turn is not over and will end again, with all its words."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerBegan:
    """The avatar answers; events until :class:`AnswerEnded` belong to this turn."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerWritten:
    """The answer has grown by ``text``."""

    turn: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerSounded:
    """More of the answer's sound has been generated, ahead of its playout."""

    turn: str
    index: int
    """Index in the answer's text that the word marks of ``chunk`` are relative to."""
    chunk: SpeechChunk


@dataclass(frozen=True, slots=True)
class AnswerMade:
    """All of the answer's sound has been generated."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    """The answer has been played or interrupted."""

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
