"""PocketSphinx in its own processes: it hears words, and the server does not stand still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from difflib import SequenceMatcher

import numpy as np
import pytest
import pytest_asyncio

from avatar_server.conversation.asr import RecognitionError
from avatar_server.conversation.sphinx import SphinxRecogniser
from motion.layout import FloatArray
from tests.voices import silence, spoken


def said(text: str) -> FloatArray:
    """Speech in the one voice of espeak-ng that PocketSphinx understands."""
    return np.concatenate([silence(0.25), spoken(text, "en-us+f2"), silence(0.25)])


def alike(heard: str, said: str) -> bool:
    """Whether half of the words were heard."""
    return SequenceMatcher(None, heard.split(), said.split()).ratio() >= 0.5


@pytest_asyncio.fixture
async def recogniser() -> AsyncGenerator[SphinxRecogniser]:
    engine = SphinxRecogniser(processes=1)
    await engine.warm_up()
    yield engine
    await engine.aclose()


async def test_words_are_recognised(recogniser: SphinxRecogniser) -> None:
    partials: list[str] = []
    turn = recogniser.open("en", partials.append)
    speech = said("please stop talking")
    for i in range(0, len(speech), 1_600):
        turn.feed(speech[i : i + 1_600])
        await asyncio.sleep(0.005)
    assert alike(await turn.transcript(), "please stop talking")
    assert len(partials) >= 2
    assert all(len(text.split()) <= 8 for text in partials)
    turn.close()


async def test_a_turn_goes_on_after_its_transcript(recogniser: SphinxRecogniser) -> None:
    turn = recogniser.open("auto", lambda _: None)
    assert await turn.transcript() == ""
    turn.feed(said("wait a moment please"))
    first = await turn.transcript()
    assert alike(first, "wait a moment please")
    assert await turn.transcript() == first
    turn.feed(said("can you say that again"))
    both = await turn.transcript()
    assert both.startswith(f"{first} ")
    assert alike(both.removeprefix(first), "can you say that again")
    turn.close()


async def test_sound_that_keeps_coming_does_not_delay_the_transcript(
    recogniser: SphinxRecogniser,
) -> None:
    turn = recogniser.open("en", lambda _: None)
    turn.feed(said("wait a moment please"))
    asked = asyncio.create_task(turn.transcript())
    await asyncio.sleep(0)
    later = said("can you say that again")
    for _ in range(20):  # half a minute of it
        turn.feed(later)
    assert alike(await asked, "wait a moment please"), "what came later is not part of it"
    turn.close()


async def test_a_second_speaker_waits_for_the_process_and_loses_nothing(
    recogniser: SphinxRecogniser,
) -> None:
    first = recogniser.open("en", lambda _: None)
    second = recogniser.open("en", lambda _: None)
    first.feed(said("wait a moment please"))
    second.feed(said("can you say that again"))
    asked = asyncio.create_task(second.transcript())
    assert alike(await first.transcript(), "wait a moment please")
    assert not asked.done()
    first.close()
    assert alike(await asked, "can you say that again")
    second.close()


async def test_a_closed_turn_leaves_no_words_to_the_next(recogniser: SphinxRecogniser) -> None:
    heard: list[str] = []
    turn = recogniser.open("en", heard.append)
    turn.feed(said("can you say that again"))
    await asyncio.sleep(0.05)
    turn.close()
    turn.feed(said("wait a moment please"))
    seen = len(heard)
    following = recogniser.open("en", lambda _: None)
    following.feed(silence(0.5))
    assert await following.transcript() == ""
    following.close()
    assert len(heard) == seen


async def test_no_turn_waits_for_the_sound_of_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = 0
    asked = asyncio.Event()

    class Process:
        async def ask(self, operation: bytes, payload: bytes = b"") -> str:
            nonlocal requests
            requests += 1
            asked.set()
            await asyncio.sleep(0)
            return ""

        async def stop(self) -> None: ...

    async def start() -> Process:
        return Process()

    monkeypatch.setattr("avatar_server.conversation.sphinx._Worker.start", start)
    engine = SphinxRecogniser(processes=1)
    costs = []
    for _ in range(15):
        given_up = engine.open("en", lambda _: None)
        given_up.feed(silence(30.0))
        asked.clear()
        await asked.wait()
        given_up.close()
        requests = 0
        turn = engine.open("en", lambda _: None)
        turn.feed(silence(2.0))
        await turn.transcript()
        costs.append(requests)
        turn.close()
        requests = 0
    # The rest of a piece and a reset for the former turn, four pieces and the end of its own.
    assert max(costs) <= 2 + 4 + 1
    long = engine.open("en", lambda _: None)
    for _ in range(60):
        long.feed(silence(1.0))
    requests = 0
    await long.transcript()
    assert requests == 1 + 60 + 1, "of a minute that comes at once, half is heard"
    long.close()
    await engine.aclose()


async def test_the_search_costs_this_process_nothing(recogniser: SphinxRecogniser) -> None:
    turn = recogniser.open("en", lambda _: None)
    speech = np.tile(said("please stop talking"), 4)
    used = time.process_time()
    turn.feed(speech)
    assert "stop talking" in await turn.transcript()
    assert time.process_time() - used < 0.02 * len(speech) / 16_000  # the search takes 0.2
    turn.close()


async def test_a_process_that_dies_is_told_and_replaced(recogniser: SphinxRecogniser) -> None:
    turn = recogniser.open("en", lambda _: None)
    turn.feed(said("wait a moment please"))
    await turn.transcript()
    [worker] = [
        frame.f_locals["worker"] for frame in turn._task.get_stack() if "worker" in frame.f_locals
    ]
    worker._process.kill()
    turn.feed(said("wait a moment please"))
    with pytest.raises(RecognitionError, match="process ended"):
        await turn.transcript()
    turn.close()
    following = recogniser.open("en", lambda _: None)
    following.feed(said("can you say that again"))
    assert alike(await following.transcript(), "can you say that again")
    following.close()


async def test_other_languages_are_refused(recogniser: SphinxRecogniser) -> None:
    with pytest.raises(RecognitionError, match="Whisper"):
        recogniser.open("de", lambda _: None)
