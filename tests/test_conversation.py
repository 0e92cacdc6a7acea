"""A conversation with scripted engines and a real voice, on a clock of its own."""

from __future__ import annotations

import asyncio

from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.progress import AnswerEnded
from streaming.protocol import Caption, ConversationState, Speaking, Transcript
from tests.room import LOUD, QUIET, room


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
        assert final.text == "You said: hello."
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
        assert finished.reason == "finished"
        assert r.conversation.history.turns[-1] == Turn("avatar", "You said: a b c d e f.")
        assert r.states == ["thinking", "speaking", "listening"]
        assert len(r.dialogue.asked) == 1


async def test_a_voice_silences_what_others_have_the_avatar_say() -> None:
    async with room() as r:
        r.voice.say("a b c d e f g h i j k l m n o p", "en-us", "aside")
        await r.until(Speaking, on=True)
        await r.speak(words="wait please stop now", seconds=0.5)
        cut = await r.until(Speaking, on=False, utterance="aside")
        assert cut.reason == "interrupted"
        await r.until(ConversationState, state="interrupted", reason="voice")
        await r.until(Caption, text="You said: wait please stop now.", final=True)
        assert r.conversation.history.turns[0] == Turn("user", "wait please stop now")


async def test_a_voice_silences_what_is_said_while_the_answer_is_thought_out() -> None:
    """Such as "one moment, I am looking that up", from a program that watches the session."""
    async with room(patience=0.1) as r:
        r.dialogue.gate = asyncio.Event()
        await r.speak(words="what is the weather like")
        await r.until(Transcript, text="what is the weather like", final=True)
        r.voice.say("a b c d e f g h i j k l m n o p", "en-us", "filler")
        await r.until(Speaking, on=True, utterance="filler")
        await r.sound(LOUD, 0.5)
        await r.sound(QUIET, 0.3)
        cut = await r.until(Speaking, on=False, utterance="filler")
        assert cut.reason == "interrupted"
        r.dialogue.gate.set()
        await r.until(Caption, text="You said: what is the weather like.", final=True)
        assert len(r.conversation.history.turns) == 2, "the turn was taken back and came again"


async def test_a_backchannel_lets_it_be_said_to_its_end() -> None:
    async with room() as r:
        r.voice.say("a b c d e f", "en-us", "aside")
        await r.until(Speaking, on=True)
        await r.speak(words="mhm", seconds=0.2)
        said = await r.until(Speaking, on=False, utterance="aside")
        assert said.reason == "finished"
        assert r.states[-1] == "listening"
        assert r.dialogue.asked == []
        await r.speak(words="how are you")
        await r.until(Caption, text="You said: how are you.", final=True)


async def test_the_button_silences_it() -> None:
    async with room() as r:
        r.conversation.type("a b c d e f g h i j k l m n o p")
        await r.until(Speaking, on=True)
        r.conversation.stop("button")
        await r.until(ConversationState, state="interrupted", reason="button")
        assert r.states[-1] == "listening"
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
