"""A rule-based dialogue for machines without a language model: a few canned answers."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Final

from avatar_server.conversation.dialogue import Turn

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")

HOW_TO: Final = (
    "I have no language model yet. Start the server with a chat endpoint, "
    "for example a local Ollama, and we can talk about anything."
)


def _now() -> datetime:
    return datetime.now().astimezone()


class Responder:
    """Answers small questions in English; the same turn gets the same answer.

    ``clock`` returns the local time, for those who ask for it.
    """

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._rules: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
            (_rule(r"your name|who are you|who am i talking to"), self._introduce),
            (_rule(r"what time|the time|how late"), self._time),
            (_rule(r"what day|which day|the date|today's date|what is today"), self._date),
            (_rule(r"how are you|how do you do|how is it going"), _feel),
            (_rule(r"are you (real|human|alive|a robot|a person)"), _nature),
            (_rule(r"what can you do|help me|can you help|how does this work"), _ability),
            (_rule(r"language model|how smart|chat ?gpt|why can't you"), lambda _: HOW_TO),
            (
                _rule(r"^(please )?(stop|be quiet|shut up|wait)( \w+){0,3}$"),
                lambda _: "All right, I am listening.",
            ),
            (_rule(r"thank you|thanks"), lambda _: "You are welcome."),
            (_rule(r"goodbye|good bye|bye|see you"), lambda _: "Goodbye! It was nice to see you."),
            (
                _rule(r"^(hello|hi|hey)|good (morning|afternoon|evening)"),
                lambda _: "Hello! Nice to see you.",
            ),
        )

    async def answer(
        self, turns: Sequence[Turn], instructions: str, language: str
    ) -> AsyncGenerator[str]:
        text = self._reply(turns[-1].text if turns else "", instructions, turns[:-1])
        for sentence in re.findall(r"[^.!?]+[.!?]+\s*", text) or [text]:
            yield sentence

    async def aclose(self) -> None:
        """Nothing is held."""

    def _reply(self, said: str, instructions: str, before: Sequence[Turn]) -> str:
        words = " ".join(_WORD.findall(said.lower().replace("’", "'")))
        for pattern, reply in self._rules:
            if pattern.search(words):
                return reply(instructions)
        if not words:
            return "I did not hear any words. Could you say that again?"
        heard = f"I heard you say: {said.strip().rstrip('.!?')}."
        told = any(HOW_TO in turn.text for turn in before if turn.speaker == "avatar")
        return f"{heard} I cannot say more about it yet." if told else f"{heard} {HOW_TO}"

    def _introduce(self, instructions: str) -> str:
        name = re.search(r"\byou are ([A-Z]\w+)", instructions, re.IGNORECASE)
        named = name is not None and name[1][:1].isupper()
        who = f"I am {name[1]}" if name is not None and named else "I am an avatar"
        return f"{who}. I live on this machine, and I can hear you and speak with you."

    def _time(self, _: str) -> str:
        now = self._clock()
        hour = now.hour % 12 or 12
        half = "in the morning" if now.hour < 12 else "in the afternoon"
        if now.hour >= 18:
            half = "in the evening"
        minutes = f"{now.minute:02d}" if now.minute else "o'clock"
        separator = ":" if now.minute else " "
        return f"It is {hour}{separator}{minutes} {half}."

    def _date(self, _: str) -> str:
        now = self._clock()
        return f"Today is {now:%A}, the {_ordinal(now.day)} of {now:%B}."


def _rule(phrases: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{phrases})\b")


def _feel(_: str) -> str:
    return "I am well, thank you. How are you?"


def _nature(_: str) -> str:
    return "No, I am a drawn face with a voice, moved by a computer. But I do listen."


def _ability(_: str) -> str:
    return f"I can tell you the time and the date, and who I am. {HOW_TO}"


def _ordinal(day: int) -> str:
    suffix = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"
