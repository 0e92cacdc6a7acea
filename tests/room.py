"""A room to hold a conversation in: scripted engines, a real voice and its clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

import numpy as np

from avatar_server.conversation.conversation import Conversation
from avatar_server.conversation.endpointing import SpeechDetector
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.progress import Progress
from avatar_server.conversation.turns import TurnPolicy
from avatar_server.voice import Voice
from streaming.playout import Pacing
from streaming.protocol import ConversationState, ServerEvent
from tests.fakes import EchoDialogue, LoudnessVad, ScriptedRecogniser, ToneSpeech

WAIT = 10.0
LOUD = np.full(512, 0.3, np.float32)
QUIET = np.zeros(512, np.float32)

EventT = TypeVar("EventT")


class NoPictures:
    """An animator and an output that take everything and show nothing."""

    def request(self, plan: object) -> None: ...

    def take(self, tick: int) -> None: ...

    def rewind(self, tick: int) -> None: ...

    def publish_audio(self, pts: int, pcm: np.ndarray) -> None: ...

    def publish_video(self, pts: int, image: np.ndarray) -> None: ...


class Room:
    def __init__(self, persona: Persona) -> None:
        self.events: list[ServerEvent] = []
        self.progress: list[Progress] = []
        self.attended: list[str] = []
        self.changed = asyncio.Event()
        self.recogniser = ScriptedRecogniser()
        self.dialogue = EchoDialogue()
        nothing = NoPictures()
        self.voice = Voice(ToneSpeech(), nothing, nothing, 2, Pacing(), self._publish)
        self.conversation = Conversation(
            persona,
            self.voice,
            SpeechDetector(LoudnessVad(), persona.endpointing),
            self.recogniser,
            self.dialogue,
            self._publish,
            self.progress.append,
            self.attended.append,
        )

    def _publish(self, event: ServerEvent) -> None:
        self.events.append(event)
        self.conversation.on_event(event)
        self.changed.set()

    async def speak(self, *, words: str = "", seconds: float = 0.3) -> None:
        """The user says ``words``, then falls silent; in real time, as a microphone does."""
        self.recogniser.script.append(words)
        await self.sound(LOUD, seconds)
        await self.sound(QUIET, 0.3)

    async def sound(self, frame: np.ndarray, seconds: float) -> None:
        for _ in range(round(seconds / 0.032)):
            self.conversation.hear(frame)
            await asyncio.sleep(0.032)

    async def until(self, kind: type[EventT], **fields: object) -> EventT:
        """The first event (from now on or seen) of a kind with these fields."""
        async with asyncio.timeout(WAIT):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and all(
                        getattr(event, name) == value for name, value in fields.items()
                    ):
                        return event
                self.changed.clear()
                await self.changed.wait()

    @property
    def states(self) -> list[str]:
        return [e.state for e in self.events if isinstance(e, ConversationState)]


@asynccontextmanager
async def room(greeting: str = "", **policy: object) -> AsyncGenerator[Room]:
    persona = Persona(
        name="flat",
        greeting=greeting,
        turns=TurnPolicy(**{"patience": 0.2, **policy}),  # type: ignore[arg-type]
    )
    made = Room(persona)
    tasks = [
        asyncio.create_task(work)
        for work in (made.voice.play(), made.voice.speak(), made.conversation.run())
    ]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
