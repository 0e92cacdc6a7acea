"""What the avatar makes of sounds that are no words."""

from __future__ import annotations

from avatar_server.conversation.progress import UserBegan
from streaming.protocol import Caption, ErrorEvent
from tests.room import QUIET, room


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


async def test_noise_is_not_answered() -> None:
    async with room() as r:
        await r.speak(words="")
        await r.sound(QUIET, 0.3)
        assert r.dialogue.asked == []
        assert r.recogniser.opened[0].closed
