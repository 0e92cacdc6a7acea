"""Answers that come early, fail, or follow other instructions."""

from __future__ import annotations

import asyncio

from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.progress import AnswerEnded
from streaming.protocol import Caption, ErrorEvent, Speaking, Transcript
from tests.room import LOUD, QUIET, room
from tests.until import until


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


async def test_a_failing_dialogue_is_told_and_the_conversation_goes_on() -> None:
    async with room() as r:
        r.conversation.type("fail")
        error = await r.until(ErrorEvent)
        assert "check its address" in error.message
        assert r.states[-1] == "listening"
        r.conversation.type("again")
        await r.until(Caption, text="You said: again.", final=True)


async def test_an_early_answer_that_fails_leaves_no_trace() -> None:
    async with room(patience=5.0) as r:
        await r.speak(words="fail")
        await until(lambda: r.dialogue.asked)
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


async def test_an_engine_that_dies_is_told_and_the_conversation_goes_on() -> None:
    async with room() as r:
        r.conversation.type("crash")
        await r.until(ErrorEvent, code="internal_error")
        assert [p.outcome for p in r.progress if isinstance(p, AnswerEnded)] == ["failed"]
        r.conversation.type("again")
        await r.until(Caption, text="You said: again.", final=True)


async def test_an_answer_can_be_asked_for_with_other_instructions() -> None:
    async with room(greeting="Hi.", answers=False) as r:
        await r.until(Speaking, on=False)
        await r.speak(words="how are you")
        await r.until(Transcript, final=True)
        assert r.dialogue.asked == []
        r.conversation.respond("Answer in verse.")
        await r.until(Caption, text="You said: how are you.", final=True)
        assert r.dialogue.instructions[-1] == "Answer in verse."
