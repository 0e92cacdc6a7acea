"""A conversation with scripted engines and a real voice, on a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from avatar_server.conversation.conversation import Conversation
from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.endpointing import SpeechDetector
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.progress import (
    AnswerBegan,
    AnswerEnded,
    AnswerMade,
    AnswerSounded,
    AnswerWritten,
    Progress,
    UserBegan,
    UserEnded,
    UserRevoked,
)
from avatar_server.conversation.turns import TurnPolicy
from avatar_server.voice import Voice
from streaming.playout import Pacing
from streaming.protocol import (
    Caption,
    ConversationState,
    ErrorEvent,
    ServerEvent,
    Speaking,
    Transcript,
)
from tests.fakes import EchoDialogue, LoudnessVad, ScriptedRecogniser, ToneSpeech

WAIT = 10.0
LOUD = np.full(512, 0.3, np.float32)
QUIET = np.zeros(512, np.float32)


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

    async def until(self, kind: type, **fields: object) -> ServerEvent:
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


async def test_a_spoken_turn_is_answered_and_remembered() -> None:
    async with room() as r:
        await r.speak(words="how are you")
        assert await r.until(Transcript, text="how are you", final=True)
        await r.until(Speaking, on=False, reason="finished")
        assert r.states == ["listening", "thinking", "speaking", "listening"]
        assert r.conversation.history.turns == (
            Turn("user", "how are you"),
            Turn("avatar", "You said: how are you."),
        )
        assert r.recogniser.opened[0].closed
        assert r.recogniser.opened[0].samples > 0.3 * 16_000, "the beginning was not lost"


async def test_a_written_turn_is_answered() -> None:
    async with room() as r:
        r.conversation.type("hello")
        final = await r.until(Caption, final=True)
        assert final.text == "You said: hello."  # type: ignore[attr-defined]
        await r.until(ConversationState, state="listening")


async def test_the_greeting_comes_first_and_is_part_of_the_conversation() -> None:
    async with room(greeting="Hi, I am here.") as r:
        await r.until(Speaking, on=False)
        r.conversation.type("and you are")
        await r.until(Caption, text="You said: and you are.", final=True)
        assert r.dialogue.asked[-1] == (
            Turn("avatar", "Hi, I am here."),
            Turn("user", "and you are"),
        )


async def test_whoever_writes_before_the_greeting_is_answered_instead() -> None:
    async with room(greeting="Hi, I am here.") as r:
        r.conversation.type("hello")  # before the conversation has had a chance to run
        await r.until(Caption, text="You said: hello.", final=True)
        assert r.dialogue.asked == [(Turn("user", "hello"),)]
    async with room(greeting="Hi, I am here.") as r:
        await r.until(ConversationState, state="thinking")
        r.conversation.type("hello")  # before its first sound
        await r.until(Caption, text="You said: hello.", final=True)
        heard = [e.text for e in r.events if isinstance(e, Caption)]
        assert not any(text.startswith("Hi") for text in heard)


async def test_speaking_over_the_avatar_cuts_it_and_remembers_what_was_heard() -> None:
    async with room() as r:
        r.conversation.type("a b c d e f g h i j k l m n o p")
        await r.until(Speaking, on=True)
        await asyncio.sleep(0.5)
        await r.speak(words="wait please stop now", seconds=0.5)
        await r.until(ConversationState, state="interrupted", reason="voice")
        await r.until(Transcript, text="wait please stop now", final=True)
        heard = r.conversation.history.turns[1]
        assert heard.speaker == "avatar"
        assert heard.text.startswith("You said: a")
        assert "p" not in heard.text
        await r.until(Caption, text="You said: wait please stop now.", final=True)
        assert r.states[:5] == ["thinking", "speaking", "interrupted", "listening", "thinking"]


async def test_a_backchannel_lets_the_avatar_finish() -> None:
    async with room() as r:
        r.conversation.type("a b c d e f")
        await r.until(Speaking, on=True)
        await r.speak(words="mhm", seconds=0.2)
        finished = await r.until(Speaking, on=False)
        assert finished.reason == "finished"  # type: ignore[attr-defined]
        assert r.conversation.history.turns[-1] == Turn("avatar", "You said: a b c d e f.")
        assert r.states == ["thinking", "speaking", "listening"]
        assert len(r.dialogue.asked) == 1


async def test_an_early_answer_leaves_no_trace_when_the_user_goes_on() -> None:
    async with room(patience=0.8) as r:
        await r.speak(words="tell me")
        await r.sound(QUIET, 0.1)
        await r.sound(LOUD, 0.3)
        r.recogniser.opened[0]._text = "tell me a story"
        await r.sound(QUIET, 0.3)
        await r.until(Transcript, final=True)
        await r.until(Speaking, on=True)
        assert r.conversation.history.turns[0] == Turn("user", "tell me a story")
        assert r.dialogue.asked[-1] == (Turn("user", "tell me a story"),)
        captions = [e.text for e in r.events if isinstance(e, Caption)]
        assert not any(text == "You said: tell me." for text in captions)


async def test_the_button_silences_it() -> None:
    async with room() as r:
        r.conversation.type("a b c d e f g h i j k l m n o p")
        await r.until(Speaking, on=True)
        r.conversation.stop("button")
        await r.until(ConversationState, state="interrupted", reason="button")
        assert r.states[-1] == "listening"
        r.conversation.type("again")
        await r.until(Caption, text="You said: again.", final=True)


async def test_a_failing_dialogue_is_told_and_the_conversation_goes_on() -> None:
    async with room() as r:
        r.conversation.type("fail")
        error = await r.until(ErrorEvent)
        assert "check its address" in error.message  # type: ignore[attr-defined]
        assert r.states[-1] == "listening"
        r.conversation.type("again")
        await r.until(Caption, text="You said: again.", final=True)


async def test_an_early_answer_that_fails_leaves_no_trace() -> None:
    async with room(patience=5.0) as r:
        await r.speak(words="fail")
        async with asyncio.timeout(WAIT):
            while not r.dialogue.asked:
                await asyncio.sleep(0.01)
        r.conversation.type("hello")
        await r.until(Caption, text="You said: hello.", final=True)
        assert not any(isinstance(e, ErrorEvent) for e in r.events)


async def test_an_answer_that_fails_while_somebody_speaks_leaves_the_next_one_its_voice() -> None:
    async with room(backchannel_seconds=3.0) as r:
        r.dialogue.gate = asyncio.Event()
        r.conversation.type("fail")
        await r.sound(LOUD, 0.2)  # holds the voice back
        r.dialogue.gate.set()
        await r.until(ErrorEvent, code="answer_failed")
        await r.sound(QUIET, 0.3)
        r.conversation.type("again")
        await r.until(Caption, text="You said: again.", final=True)


async def test_who_still_speaks_when_the_greeting_ends_is_answered() -> None:
    async with room(greeting="Hi there.", protect_greeting=True) as r:
        await r.until(Speaking, on=True)
        r.recogniser.script.append("how are you")
        while not any(isinstance(e, Speaking) and not e.on for e in r.events):
            await r.sound(LOUD, 0.032)
        await r.sound(QUIET, 0.3)
        await r.until(Caption, text="You said: how are you.", final=True)
        assert r.recogniser.opened[0].samples > 0.1 * 16_000, "what came before the end as well"


async def test_an_engine_that_dies_is_told_and_the_conversation_goes_on() -> None:
    async with room() as r:
        r.conversation.type("crash")
        await r.until(ErrorEvent, code="internal_error")
        assert [p.outcome for p in r.progress if isinstance(p, AnswerEnded)] == ["failed"]
        r.conversation.type("again")
        await r.until(Caption, text="You said: again.", final=True)


async def test_an_observer_follows_both_sides() -> None:
    async with room() as r:
        await r.speak(words="how are you")
        await r.until(Speaking, on=False, reason="finished")
        kinds = [type(p) for p in r.progress]
        assert list(dict.fromkeys(kinds)) == [
            UserBegan,
            UserEnded,
            AnswerBegan,
            AnswerWritten,
            AnswerSounded,
            AnswerMade,
            AnswerEnded,
        ]
        began, ended = r.progress[:2]
        assert isinstance(began, UserBegan)
        assert isinstance(ended, UserEnded)
        assert began.turn == ended.turn
        assert (began.second, ended.second) == (
            pytest.approx(0, abs=0.1),
            pytest.approx(0.3, abs=0.1),
        )
        last = r.progress[-1]
        assert isinstance(last, AnswerEnded)
        assert (last.outcome, last.heard) == ("finished", "You said: how are you.")
        assert last.position_ms == pytest.approx(1000, abs=20), "five words of 200 ms"


async def test_a_user_who_goes_on_after_all_takes_the_turn_back() -> None:
    async with room(patience=0.1) as r:
        r.dialogue.gate = asyncio.Event()
        await r.speak(words="tell me")
        await r.until(Transcript, text="tell me", final=True)
        r.recogniser.opened[0]._text = "tell me a story"
        await r.sound(LOUD, 0.3)
        r.dialogue.gate.set()
        await r.sound(QUIET, 0.3)
        await r.until(Transcript, text="tell me a story", final=True)
        assert r.conversation.history.turns[0] == Turn("user", "tell me a story")
        revoked = next(p.turn for p in r.progress if isinstance(p, UserRevoked))
        assert revoked == next(p.turn for p in r.progress if isinstance(p, UserEnded))
        shown = {e.turn for e in r.events if isinstance(e, Transcript)}
        assert len(shown) == 1, "one transcript that grows"


async def test_what_was_written_is_answered_whatever_is_heard_meanwhile() -> None:
    async with room() as r:
        r.dialogue.gate = asyncio.Event()
        r.conversation.type("hello")
        await r.speak(words="")
        r.dialogue.gate.set()
        await r.until(Caption, text="You said: hello.", final=True)
        assert r.states[:2] == ["thinking", "speaking"]


async def test_words_spoken_after_written_ones_leave_both_in_the_history() -> None:
    async with room() as r:
        r.dialogue.gate = asyncio.Event()
        r.conversation.type("hello")
        await r.speak(words="tell me a story")
        r.dialogue.gate.set()
        await r.until(Caption, text="You said: tell me a story.", final=True)
        said = [turn.text for turn in r.dialogue.asked[-1]]
        assert said == ["hello", "tell me a story"]
        cut = next(p for p in r.progress if isinstance(p, AnswerEnded))
        assert (cut.outcome, cut.reason, cut.heard) == ("cut", "voice", "")


async def test_a_language_that_cannot_be_recognised_is_told_once() -> None:
    async with room() as r:
        r.recogniser.refuses = "I hear Latin only"
        await r.speak()
        await r.speak()
        r.conversation.type("hello")
        await r.speak()
        await r.until(Caption, text="You said: hello.", final=True)
        errors = [e for e in r.events if isinstance(e, ErrorEvent)]
        assert [(e.code, e.message) for e in errors] == [
            ("language_not_heard", "I hear Latin only")
        ]
        assert not any(isinstance(p, UserBegan) for p in r.progress)


async def test_an_answer_can_be_asked_for_with_other_instructions() -> None:
    async with room(greeting="Hi.", answers=False) as r:
        await r.until(Speaking, on=False)
        await r.speak(words="how are you")
        await r.until(Transcript, final=True)
        assert r.dialogue.asked == []
        r.conversation.respond("Answer in verse.")
        await r.until(Caption, text="You said: how are you.", final=True)
        assert r.dialogue.instructions[-1] == "Answer in verse."


async def test_the_face_reacts_before_it_is_sure_that_somebody_speaks() -> None:
    async with room() as r:
        r.conversation.hear(LOUD)
        assert r.attended == ["listening"], "after 32 ms"
        for _ in range(15):
            r.conversation.hear(QUIET)
        assert r.attended == ["listening"]
        r.conversation.hear(QUIET)
        assert r.attended == ["listening", "idle"], "it was nothing"
        assert r.recogniser.opened == []


async def test_noise_is_not_answered() -> None:
    async with room() as r:
        await r.speak(words="")
        await r.sound(QUIET, 0.3)
        assert r.dialogue.asked == []
        assert r.recogniser.opened[0].closed


async def test_partial_transcripts_are_shown() -> None:
    async with room() as r:
        r.recogniser.script.append("hello world")
        await r.sound(LOUD, 0.2)
        r.recogniser.opened[0].partial("hello")
        assert await r.until(Transcript, text="hello", final=False)
