"""What the avatar says, and what of it was heard when it is interrupted."""

from __future__ import annotations

from collections.abc import Callable

from streaming.protocol import Caption, Speaking
from tests.webrtc_browser import Browser, browser, running

__all__ = ["browser"]


async def test_interrupt_cuts_the_caption_where_the_sound_ended(
    browser: Callable[..., Browser],
) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()
        viewer.send(type="say", text="one two three four five six seven eight", utterance="a")
        viewer.send(type="say", text="never heard", utterance="b")
        await viewer.until(Caption, text="one two")
        viewer.send(type="interrupt")
        cut = await viewer.until(Caption, final=True)
        assert cut.utterance == "a"
        assert cut.text.startswith("one two")
        assert len(cut.text) < len("one two three four")
        end = await viewer.expect(Speaking)
        assert (end.on, end.utterance, end.reason) == (False, "a", "interrupted")
        assert 200 <= end.position_ms <= 600, "the second word was heard, the fourth was not"
        assert await viewer.event() == Caption(utterance="b", text="", final=True)
        assert await viewer.event() == Speaking(on=False, utterance="b", reason="interrupted")
        viewer.send(type="say", text="again", utterance="a")
        assert await viewer.event() == Speaking(on=True, utterance="a")
