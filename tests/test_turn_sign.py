"""How the face follows whose turn it is."""

from __future__ import annotations

from tests.room import LOUD, QUIET, room


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
