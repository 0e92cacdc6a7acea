"""Whisper: partial and final transcripts, cancellation, long turns, models that cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from avatar_server.conversation.asr import RecognitionError
from avatar_server.conversation.engines import EngineError, EngineUnavailableError, load_engine
from avatar_server.conversation.whisper import WhisperRecogniser
from tests.tiny_whisper import make_tiny_whisper
from tests.voices import spoken


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny")


@pytest_asyncio.fixture
async def recogniser(model: Path) -> AsyncGenerator[WhisperRecogniser]:
    engine = WhisperRecogniser(str(model), threads=1, max_tokens=8)
    yield engine
    await engine.aclose()


SPEECH = spoken("Tell me a story about a little dog, a cat and a very old house.")


async def test_the_transcript_is_that_of_the_whole_however_it_was_fed(
    recogniser: WhisperRecogniser,
) -> None:
    texts = []
    for size in (len(SPEECH), 1_600, 12_345):
        turn = recogniser.open("en", lambda _: None)
        for i in range(0, len(SPEECH), size):
            turn.feed(SPEECH[i : i + size])
        texts.append(await turn.transcript())
        turn.close()
    assert texts[0]
    assert texts[0] == texts[1] == texts[2]


async def test_partials_come_while_the_turn_grows(recogniser: WhisperRecogniser) -> None:
    partials: asyncio.Queue[str] = asyncio.Queue()
    turn = recogniser.open("en-us", partials.put_nowait)
    turn.feed(SPEECH[:6_000])
    await asyncio.sleep(0)
    assert partials.empty()  # less than half a second
    turn.feed(SPEECH[6_000:9_000])
    first = await asyncio.wait_for(partials.get(), 10)
    assert first == "tido"
    turn.feed(SPEECH[9_000:40_000])
    assert await asyncio.wait_for(partials.get(), 10) != first
    turn.close()


async def test_sound_that_comes_while_decoding_waits_for_one_decoding(
    recogniser: WhisperRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    real = recogniser._model.transcribe

    def counting(speech: np.ndarray, **options: object) -> object:
        decoded.append(len(speech))
        return real(speech, **options)

    monkeypatch.setattr(recogniser._model, "transcribe", counting)
    turn = recogniser.open("en", lambda _: None)
    for i in range(0, 48_000, 800):  # at once: far faster than it can be decoded
        turn.feed(SPEECH[i : i + 800])
    await turn.transcript()
    assert len(decoded) <= 2
    assert decoded[-1] == min(len(SPEECH), 48_000)
    await turn.transcript()
    assert len(decoded) <= 2  # nothing new
    turn.close()


async def test_a_closed_turn_says_nothing_more(recogniser: WhisperRecogniser) -> None:
    heard: list[str] = []
    turn = recogniser.open("en", heard.append)
    turn.feed(SPEECH[:20_000])
    await asyncio.sleep(0)  # the decoding is under way
    turn.close()
    turn.feed(SPEECH[20_000:])
    other = recogniser.open("en", lambda _: None)
    other.feed(SPEECH)
    assert await other.transcript()
    other.close()
    assert heard == []


async def test_a_cancelled_transcript_leaves_the_turn_usable(
    recogniser: WhisperRecogniser,
) -> None:
    turn = recogniser.open("en", lambda _: None)
    turn.feed(SPEECH[:24_000])
    asking = asyncio.create_task(turn.transcript())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    turn.feed(SPEECH[24_000:])
    whole = recogniser.open("en", lambda _: None)
    whole.feed(SPEECH)
    assert await turn.transcript() == await whole.transcript()
    turn.close()
    whole.close()


async def test_a_long_turn_keeps_its_words_and_lets_its_sound_go(
    recogniser: WhisperRecogniser,
) -> None:
    turn = recogniser.open("en", lambda _: None)
    texts = []
    for _ in range(16):
        turn.feed(np.resize(SPEECH, 5 * 16_000))
        texts.append(await turn.transcript())
    assert sum(len(chunk) for chunk in turn._chunks) < 31 * 16_000
    assert len(texts[-1].split()) >= 3
    assert texts[-1].startswith(texts[8].split()[0])
    turn.close()


async def test_a_model_of_one_language_refuses_others(recogniser: WhisperRecogniser) -> None:
    with pytest.raises(RecognitionError, match=r"'de'.*choose from: en"):
        recogniser.open("de", lambda _: None)
    await recogniser.warm_up()


def test_a_model_that_cannot_be_had_says_how_to_bring_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EngineUnavailableError, match="copy the folder to this machine"):
        load_engine("asr", "whisper", {"model": "tiny.en"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineUnavailableError, match=r"model\.bin"):
        load_engine("asr", "whisper", {"model": str(tmp_path / "empty")})
    with pytest.raises(EngineUnavailableError, match="gigantic"):
        load_engine("asr", "whisper", {"model": "gigantic"})


def test_wrong_options_are_named() -> None:
    with pytest.raises(EngineError, match="no option 'size'; it has: model"):
        load_engine("asr", "whisper", {"size": "big"})
    with pytest.raises(EngineError, match=r"option 'beam_size': .*integer"):
        load_engine("asr", "whisper", {"beam_size": "wide"})
