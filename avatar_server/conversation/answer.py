"""One turn of the avatar: prepared, committed, spoken and, if interrupted, cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Literal, Protocol

from avatar_server.conversation.history import new_turn_key
from avatar_server.conversation.markup import plain
from avatar_server.conversation.progress import (
    AnswerBegan,
    AnswerEnded,
    AnswerMade,
    AnswerSounded,
    AnswerWritten,
    Progress,
)
from avatar_server.conversation.sentences import speakable
from avatar_server.conversation.speaker import Utterance, UtteranceListener
from avatar_server.conversation.tts import SpeechChunk
from avatar_server.conversation.turns import Reason


class ConversationVoice(Protocol):
    """The avatar's voice, as a conversation uses it; see :class:`avatar_server.voice.Voice`."""

    def open(
        self, voice: str, name: str | None = None, listener: UtteranceListener | None = None
    ) -> Utterance: ...

    @property
    def busy(self) -> bool: ...

    def hold(self) -> None: ...

    def resume(self) -> None: ...

    def interrupt(self) -> None: ...


class Answer:
    """An answer; its key is the key of its turn in the history and the name of its utterance.

    It is the :class:`avatar_server.conversation.speaker.UtteranceListener` of that utterance.
    """

    def __init__(self, observe: Callable[[Progress], None]) -> None:
        self.key = new_turn_key()
        self.question: str | None = None
        """Key of the user's turn that it answers; None until that turn is over."""
        self.utterance: Utterance | None = None
        self.heard = ""
        self.failed = False
        self.reason: Reason | None = None
        """What interrupted it; None if nothing did."""
        self.task: asyncio.Task[None] | None = None
        self._observe = observe
        self._committed = asyncio.Event()

    @property
    def committed(self) -> bool:
        """Whether it may be heard."""
        return self._committed.is_set()

    def commit(self) -> None:
        """Let it be heard."""
        self._committed.set()
        self._observe(AnswerBegan(self.key))

    async def speak(
        self, deltas: AsyncIterator[str], voice: ConversationVoice, voice_name: str
    ) -> None:
        """Speak the text of ``deltas`` piece by piece, once the answer is committed.

        Raises what ``deltas`` does and
        :class:`~avatar_server.conversation.speaker.SpeakerBusyError`.
        """
        async for written in speakable(deltas):
            if not (piece := plain(written)):
                continue
            await self._committed.wait()
            if self.utterance is None:
                self.utterance = voice.open(voice_name, self.key, self)
            before = len(self.utterance.text)
            self.utterance.add(piece)
            self._observe(AnswerWritten(self.key, self.utterance.text[before:]))

    async def end(self) -> None:
        """The text is complete; returns once the answer is committed."""
        await self._committed.wait()
        if self.utterance is not None:
            self.utterance.end()

    def finish(self, position_ms: int) -> None:
        """The answer is over; ``position_ms`` of its sound have been played."""
        outcome: Literal["finished", "cut", "failed"] = "finished"
        if self.failed:
            outcome = "failed"
        elif self.reason is not None:
            outcome = "cut"
        self._observe(AnswerEnded(self.key, outcome, self.reason, self.heard, position_ms))

    def on_chunk(self, index: int, chunk: SpeechChunk) -> None:
        self._observe(AnswerSounded(self.key, index, chunk))

    def on_made(self) -> None:
        self._observe(AnswerMade(self.key))
