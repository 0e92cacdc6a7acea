"""The Realtime protocol, with OpenAI's own client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.fakes import scripted_talking
from tests.live import live_server

WAIT = 15.0
EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)


class Call:
    """A session of the official client, which checks every event against the client's types."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.seen: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT):
            raw = await self.connection.recv_bytes()
        event: dict[str, Any] = json.loads(raw)
        if not event["type"].startswith("avatar."):
            EVENTS.validate_python(event)
        self.seen.append(event)
        return event

    async def until(
        self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        while True:
            event = await self.next()
            if event["type"] == kind and where(event):
                return event

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["type"] == kind]

    async def say(self, text: str, role: str = "user", **more: str) -> str:
        content = {"type": "input_text", "text": text}
        item: Any = {"type": "message", "role": role, "content": [content], **more}
        await self.connection.conversation.item.create(item=item)
        added = await self.until("conversation.item.done")
        return str(added["item"]["id"])

    async def hear(self, seconds: float, level: float = 0.3, pace: float = 1.0) -> None:
        """The user makes sound of a level, 100 ms at a time."""
        sound = np.full(2_400, round(level * 32_767), "<i2").tobytes()
        for _ in range(round(seconds * 10)):
            audio = base64.b64encode(sound).decode()
            await self.connection.input_audio_buffer.append(audio=audio)
            await asyncio.sleep(0.1 * pace)


@pytest.fixture
def url() -> Generator[str]:
    with live_server(
        scripted_talking(["what is this", "and then"], greeting="Hi there.")
    ) as address:
        yield address


@asynccontextmanager
async def calling(url: str, **query: object) -> AsyncGenerator[Call]:
    client = AsyncOpenAI(api_key="none", base_url=f"{url}/v1")
    async with client.realtime.connect(model="gpt-realtime", extra_query=query) as connection:
        call = Call(connection)
        await call.until("session.created")
        yield call


def kinds(call: Call) -> list[str]:
    """The kinds of events in order, runs of one kind as one."""
    found: list[str] = []
    for event in call.seen:
        if not event["type"].startswith("avatar.") and event["type"] not in found[-1:]:
            found.append(event["type"])
    return found


async def test_a_written_turn_is_answered_with_sound_and_transcript(url: str) -> None:
    async with calling(url) as call:
        await call.say("hello")
        call.seen.clear()
        await call.connection.response.create()
        done = await call.until("response.done")
        order = [k for k in kinds(call) if "delta" not in k]
        assert order == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        written = "".join(e["delta"] for e in call.of("response.output_audio_transcript.delta"))
        assert written == "You said: hello."
        sound = b"".join(
            base64.b64decode(e["delta"]) for e in call.of("response.output_audio.delta")
        )
        assert len(sound) / 2 / 24_000 == pytest.approx(0.6, abs=0.01), "three words of 200 ms"
        assert np.abs(np.frombuffer(sound, "<i2")).max() > 10_000
        response = done["response"]
        assert response["status"] == "completed"
        assert response["output"][0]["content"][0]["transcript"] == "You said: hello."
        started, finished = (
            call.of(f"avatar.speech_{when}")[0] for when in ("started", "finished")
        )
        assert started["item_id"] == finished["item_id"] == response["output"][0]["id"]
        assert finished["playback_position_ms"] == pytest.approx(600, abs=5)


async def test_a_spoken_turn_is_heard_and_answered(url: str) -> None:
    async with calling(url) as call:
        await call.hear(0.5)
        await call.hear(0.6, level=0.0)
        done = await call.until("response.done")
        order = [k for k in kinds(call) if k.startswith(("input", "conversation.item.input"))]
        assert order == [
            "input_audio_buffer.speech_started",
            "conversation.item.input_audio_transcription.delta",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.input_audio_transcription.completed",
        ]
        items = {e["item_id"] for e in call.seen if e["type"] in order}
        assert len(items) == 1
        [completed] = call.of("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "what is this"
        [stopped] = call.of("input_audio_buffer.speech_stopped")
        assert stopped["audio_end_ms"] == pytest.approx(500, abs=100)
        assert (
            done["response"]["output"][0]["content"][0]["transcript"] == "You said: what is this."
        )


async def test_a_turn_that_the_client_ends_itself(url: str) -> None:
    async with calling(url) as call:
        await call.connection.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        )
        updated = await call.until("session.updated")
        assert updated["session"]["audio"]["input"]["turn_detection"] is None
        await call.connection.input_audio_buffer.commit()
        assert (await call.until("error"))["error"]["code"] == "input_audio_buffer_commit_empty"
        await call.hear(0.3, pace=0)
        await call.connection.input_audio_buffer.clear()
        await call.until("input_audio_buffer.cleared")
        await call.hear(0.3, pace=0)
        await call.connection.input_audio_buffer.commit()
        await call.connection.response.create()
        heard = await call.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "and then", "what was cleared is forgotten"
        done = await call.until("response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "You said: and then."
        assert not call.of("input_audio_buffer.speech_started")


async def test_a_microphone_that_vanishes_ends_the_turn(url: str) -> None:
    async with calling(url) as call:
        await call.hear(0.5)  # and then nothing more, not even silence
        await call.until("input_audio_buffer.speech_stopped")
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_speaking_over_the_avatar_cuts_it(url: str) -> None:
    async with calling(url) as call:
        await call.say("a b c d e f g h i j k l m n o p q r s t u v w x y z")
        await call.connection.response.create()
        await call.until("avatar.speech_started")
        await asyncio.sleep(0.5)
        await call.hear(0.4)
        done = await call.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        heard = done["response"]["output"][0]["content"][0]["transcript"]
        assert heard.startswith("You said: a")
        assert "z" not in heard
        [cut] = call.of("conversation.item.truncated")
        assert 400 <= cut["audio_end_ms"] <= 3_000
        await call.until("input_audio_buffer.speech_started")


async def test_cancel_silences_the_avatar_and_says_when_there_is_nothing_to_cancel(
    url: str,
) -> None:
    async with calling(url) as call:
        await call.connection.response.cancel()
        assert (await call.until("error"))["error"]["code"] == "response_cancel_not_active"
        await call.say("a b c d e f g h i j k l m n o p q r s t u v w x y z")
        await call.connection.response.create()
        await call.until("avatar.speech_started")
        await call.connection.response.create()
        error = (await call.until("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        await call.connection.response.cancel()
        done = await call.until("response.done")
        assert done["response"]["status_details"]["reason"] == "client_cancelled"
        assert call.of("avatar.speech_finished")[-1]["interrupted"]
        await call.say("again")
        await call.connection.response.create()
        assert (await call.until("response.done"))["response"]["status"] == "completed"


async def test_truncation_is_what_the_client_says_was_heard(url: str) -> None:
    async with calling(url) as call:
        await call.say("one two three four five six seven eight nine ten")
        await call.connection.response.create()
        await call.until("response.output_audio.done")
        item = call.of("response.output_item.added")[0]["item"]["id"]
        await call.connection.conversation.item.truncate(
            item_id=item, content_index=0, audio_end_ms=900
        )
        await call.until("response.done")
        cut = await call.until("conversation.item.truncated")
        assert (cut["item_id"], cut["audio_end_ms"]) == (item, 900)
        await call.connection.conversation.item.retrieve(item_id=item)
        kept = (await call.until("conversation.item.retrieved"))["item"]["content"][0]
        assert kept["transcript"] == "You said: one two three", "five words begin within 0.9 s"
        await call.connection.conversation.item.truncate(
            item_id=item, content_index=0, audio_end_ms=60_000
        )
        assert (await call.until("error"))["error"]["param"] == "audio_end_ms"


async def test_the_greeting_is_the_answer_to_nothing(url: str) -> None:
    async with calling(url) as call:
        await call.connection.response.create(response={"metadata": {"topic": "greeting"}})
        done = await call.until("response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "Hi there."
        assert done["response"]["metadata"] == {"topic": "greeting"}


async def test_items_can_be_placed_fetched_and_deleted(url: str) -> None:
    async with calling(url) as call:
        first = await call.say("first", id="one")
        assert first == "one"
        await call.say("answer", role="assistant")
        await call.connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "0"}],
            },
            previous_item_id="root",
        )
        assert (await call.until("conversation.item.done"))["previous_item_id"] is None
        await call.connection.conversation.item.delete(item_id="one")
        await call.until("conversation.item.deleted")
        await call.connection.conversation.item.retrieve(item_id="one")
        assert (await call.until("error"))["error"]["code"] == "item_not_found"


async def test_settings_are_shown_as_they_are_in_effect(url: str) -> None:
    async with calling(url) as call:
        [created] = call.of("session.created")
        session = created["session"]
        assert session["model"] == "flat"
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
        assert session["avatar"]["watch"]["whep"].endswith(session["id"])
        await call.connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Be brief.",
                "audio": {
                    "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
                    "output": {"voice": "marin"},
                },
            }
        )
        session = (await call.until("session.updated"))["session"]
        assert session["instructions"] == "Be brief."
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
        assert session["audio"]["output"]["voice"] == "en-us", "a foreign voice keeps the own one"
        beta = {"voice": "klingon", "modalities": ["text", "audio"], "turn_detection": None}
        await call.connection.send({"type": "session.update", "event_id": "e", "session": beta})  # type: ignore[arg-type]
        error = (await call.until("error"))["error"]
        assert (error["event_id"], error["code"]) == ("e", "unknown_voice")
        assert "en-us" in error["message"]


async def test_an_avatar_can_be_chosen(url: str) -> None:
    async with calling(url, avatar="red") as call:
        assert call.of("session.created")[0]["session"]["avatar"]["name"] == "red"
        change = {"type": "realtime", "avatar": {"name": "flat", "emotion": "happiness"}}
        await call.connection.session.update(session=change)  # type: ignore[arg-type]
        assert (await call.until("session.updated"))["session"]["avatar"]["name"] == "flat"
        change["avatar"] = {"name": "nobody"}
        await call.connection.session.update(session=change)  # type: ignore[arg-type]
        assert (await call.until("error"))["error"]["param"] == "session.avatar.name"


async def test_a_voice_that_fails_fails_the_response_and_nothing_else() -> None:
    with live_server(scripted_talking(greeting="crash")) as url:
        async with calling(url) as call:
            await call.connection.response.create()
            assert (await call.until("error"))["error"]["code"] == "speech_failed"
            response = (await call.until("response.done"))["response"]
            assert response["status"] == "failed"
            assert response["status_details"]["error"]["code"] == "speech_failed"
            await call.say("again")
            await call.connection.response.create()
            assert (await call.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.parametrize("fault", ["fail", "crash"])
async def test_a_failing_model_fails_the_response_and_nothing_else(url: str, fault: str) -> None:
    async with calling(url) as call:
        await call.say(fault)
        await call.connection.response.create()
        assert (await call.until("error"))["error"]["type"] == "server_error"
        done = await call.until("response.done")
        assert done["response"]["status"] == "failed"
        assert done["response"]["status_details"]["error"]["code"]
        await call.say("again")
        await call.connection.response.create()
        assert (await call.until("response.done"))["response"]["status"] == "completed"
