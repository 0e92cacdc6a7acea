"""What the user is shown of his own words."""

from __future__ import annotations

import asyncio

from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.progress import UserEnded, UserRevoked
from streaming.protocol import Transcript
from tests.room import LOUD, QUIET, room


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


async def test_partial_transcripts_are_shown() -> None:
    async with room() as r:
        r.recogniser.script.append("hello world")
        await r.sound(LOUD, 0.2)
        r.recogniser.opened[0].partial("hello")
        assert await r.until(Transcript, text="hello", final=False)
