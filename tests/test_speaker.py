"""The speaker: order, cancellation, limits, engines that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from avatar_server.conversation.speaker import (
    MAX_WAITING,
    Speaker,
    SpeakerBusyError,
    Utterance,
)
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError
from streaming.speech import SpeechBuffer
from streaming.speech_source import Cue
from tests.fakes import ToneSpeech


class Stage:
    def __init__(self) -> None:
        self.engine = ToneSpeech()
        self.speech = SpeechBuffer(lookahead=2)
        self.arrivals = 0
        self.errors: list[tuple[Utterance, SpeechSynthesisError]] = []
        self.speaker = Speaker(
            self.engine, self.speech, self._arrived, lambda *error: self.errors.append(error)
        )

    def _arrived(self) -> None:
        self.arrivals += 1

    async def settled(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)

    def listen(self) -> tuple[np.ndarray, list[Cue]]:
        sound, cues = [], []
        while self.speech.ready:
            tick = self.speech.take()
            sound.append(tick.audio)
            cues += [cue for _, cue in tick.cues]
        return np.concatenate(sound or [np.zeros(0, np.float32)]), cues


@asynccontextmanager
async def speaking() -> AsyncGenerator[Stage]:
    stage = Stage()
    task = asyncio.create_task(stage.speaker.run())
    yield stage
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def whole(name: str, text: str) -> Utterance:
    utterance = Utterance(name, "en-us")
    utterance.add(text)
    utterance.end()
    return utterance


async def test_utterances_are_spoken_in_order_with_their_words() -> None:
    async with speaking() as stage:
        stage.speaker.say(whole("a", "one two"))
        stage.speaker.say(whole("b", "three"))
        await stage.settled()
        sound, cues = stage.listen()
        assert len(sound) >= 3 * 9_600
        assert [(c.utterance, c.kind, c.heard) for c in cues] == [
            ("a", "start", 0),
            ("a", "word", 3),
            ("a", "word", 7),
            ("a", "end", 7),
            ("b", "start", 0),
            ("b", "word", 5),
            ("b", "end", 5),
        ]
        assert stage.arrivals > 0


async def test_stop_ends_the_engine_and_what_waits() -> None:
    async with speaking() as stage:
        stage.speaker.say(whole("a", "word " * 3_000))
        stage.speaker.say(whole("b", "never"))
        await stage.settled()
        assert stage.engine.started == ["word " * 3_000]
        stage.speaker.stop()
        stage.speech.clear()
        stage.speaker.say(whole("c", "next"))
        await stage.settled()
        assert [t for t in stage.engine.started if "never" in t] == []
        assert stage.engine.finished == ["next"]
        _, cues = stage.listen()
        assert {cue.utterance for cue in cues} == {"c"}


@pytest.mark.parametrize("fault", ["fail", "crash"])
async def test_a_failing_engine_is_reported_and_the_next_utterance_is_spoken(fault: str) -> None:
    async with speaking() as stage:
        stage.speaker.say(whole("a", fault))
        stage.speaker.say(whole("b", "fine"))
        await stage.settled()
        assert [utterance.name for utterance, _ in stage.errors] == ["a"]
        _, cues = stage.listen()
        assert [(c.utterance, c.kind) for c in cues if c.kind != "word"] == [
            ("a", "start"),
            ("a", "end"),
            ("b", "start"),
            ("b", "end"),
        ]


class Made:
    def __init__(self) -> None:
        self.chunks: list[tuple[int, SpeechChunk]] = []
        self.over = 0

    def on_chunk(self, index: int, chunk: SpeechChunk) -> None:
        self.chunks.append((index, chunk))

    def on_made(self) -> None:
        self.over += 1


async def test_a_listener_follows_how_an_utterance_is_made() -> None:
    async with speaking() as stage:
        made = Made()
        utterance = Utterance("a", "en-us", made)
        stage.speaker.say(utterance)
        utterance.add("One two.")
        utterance.add("Three!")
        await stage.settled()
        assert (len(made.chunks), made.over) == (3, 0)
        utterance.end()
        await stage.settled()
        assert made.over == 1
        words = [
            utterance.text[index + w.start : index + w.end]
            for index, chunk in made.chunks
            for w in chunk.words
        ]
        assert words == ["One", "two.", "Three!"]


async def test_too_many_waiting_utterances_are_refused() -> None:
    stage = Stage()
    for i in range(MAX_WAITING):
        stage.speaker.say(whole(str(i), "x"))
    with pytest.raises(SpeakerBusyError, match="interrupt"):
        stage.speaker.say(whole("more", "x"))


async def test_a_text_in_pieces_is_one_utterance() -> None:
    async with speaking() as stage:
        utterance = Utterance("a", "en-us")
        stage.speaker.say(utterance)
        utterance.add("One two.")
        await stage.settled()
        utterance.add("Three!")
        utterance.end()
        await stage.settled()
        assert utterance.text == "One two. Three!"
        sound, cues = stage.listen()
        assert len(sound) >= 3 * 9_600
        assert [(c.kind, utterance.text[: c.heard]) for c in cues] == [
            ("start", ""),
            ("word", "One"),
            ("word", "One two."),
            ("word", "One two. Three!"),
            ("end", "One two. Three!"),
        ]
