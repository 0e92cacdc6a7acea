from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import numpy as np
import pytest

from avatar_server.conversation.espeak import DEFAULT_VOICE, EspeakTextToSpeech
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError, WordMark
from motion.layout import FloatArray
from motion.speech.espeak import Block, EspeakError, Prosody, UnknownVoiceError, engine, speakable
from tests.voices import afresh


@pytest.fixture
async def tts() -> AsyncIterator[EspeakTextToSpeech]:
    speech = EspeakTextToSpeech()
    yield speech
    await speech.aclose()


async def spoken(
    tts: EspeakTextToSpeech, text: str, voice: str = DEFAULT_VOICE
) -> list[SpeechChunk]:
    return [chunk async for chunk in tts.synthesize(text, voice)]


def words(text: str, chunks: list[SpeechChunk]) -> list[str]:
    return [text[mark.start : mark.end] for chunk in chunks for mark in chunk.words]


def seconds(chunks: list[SpeechChunk]) -> float:
    return sum(len(chunk.pcm) / chunk.rate for chunk in chunks)


# --- the engine -------------------------------------------------------------------------------


def test_phonemes_carry_times_in_order() -> None:
    block = engine().synthesize("Bob met Papa.", "en-us")
    names = "".join(phoneme.ipa for phoneme in block.phonemes)
    times = [phoneme.sample for phoneme in block.phonemes]
    assert names.count("b") == 2
    assert names.count("p") == 2
    assert "m" in names
    assert times == sorted(times)
    assert times[-1] <= len(block.pcm)


def test_a_pause_is_silent_where_the_phonemes_say() -> None:
    block = engine().synthesize("Bob.   Bob.", "en-us")
    starts = [p.sample for p in block.phonemes]
    pauses = [
        (start, end)
        for phoneme, start, end in zip(block.phonemes, starts, starts[1:], strict=False)
        if phoneme.ipa == "" and end - start > 2_000
    ]
    assert pauses
    start, end = pauses[0]
    assert np.abs(block.pcm[start + 800 : end - 200]).max() < 0.01
    assert np.abs(block.pcm[:start]).max() > 0.1


def test_nothing_leaks_from_call_to_call() -> None:
    plain = engine().synthesize("The quick brown fox.", "en-us")
    fast = engine().synthesize("The quick brown fox.", "de+f2", Prosody(rate=300, pitch=90))
    again = engine().synthesize("The quick brown fox.", "en-us")
    assert len(fast.pcm) < 0.8 * len(plain.pcm)
    # The engine's oscillators run on from call to call, which shifts a period here and there.
    assert len(again.pcm) == pytest.approx(len(plain.pcm), rel=0.01)


def test_markup_is_only_text() -> None:
    def phonemes(text: str) -> str:
        return "".join(p.ipa for p in engine().synthesize(text, "en-us").phonemes)

    # Were they read as SSML or phoneme input, the tag would be silent and "[[" spell "hello".
    assert phonemes("<b>x</b>") != phonemes("x")
    assert phonemes("[[h@l'oU]]") != phonemes("hello")
    assert phonemes('<break time="3s"/>x') != phonemes("x")


def test_control_characters_are_dropped_in_place() -> None:
    assert speakable("a\x01b\x00c\ud800d\n") == "a b c d "
    assert speakable("größe 你好 😀") == "größe 你好 😀"
    # CTRL-A would change the rate of the engine.
    slow = engine().synthesize("one two \x0180S three", "en-us")
    plain = engine().synthesize("one two  80S three", "en-us")
    assert len(slow.pcm) == pytest.approx(len(plain.pcm), rel=0.01)


def test_every_listed_voice_speaks() -> None:
    for voice in engine().voices:
        assert engine().resolve(voice.identifier) == voice.identifier
    for name in ("en", "de", "fr", "zh", "pt-br", "en-us+f3", "gmw/en-US"):
        assert len(engine().synthesize("a", name).pcm) > 0


@pytest.mark.parametrize(("name", "near"), [("en-uk", "en-us"), ("en-us+f33", "f3")])
def test_unknown_voices_name_near_ones(name: str, near: str) -> None:
    with pytest.raises(UnknownVoiceError, match=near):
        engine().synthesize("a", name)


@pytest.mark.parametrize("wrong", [{"rate": 10}, {"pitch": 100}, {"range": -1}, {"volume": 300}])
def test_prosody_has_limits(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be between"):
        Prosody(**wrong)


def test_what_the_sink_raises_comes_out() -> None:
    def fail(block: Block) -> bool:
        raise LookupError("no room")

    with pytest.raises(LookupError, match="no room"):
        engine().speak("Hello there.", "en-us", fail)
    assert len(engine().synthesize("Hello there.", "en-us").pcm) > 0


def test_a_sink_that_has_enough_stops_the_engine() -> None:
    blocks: list[Block] = []

    def once(block: Block) -> bool:
        blocks.append(block)
        return False

    engine().speak("word " * 200, "en-us", once)
    assert len(blocks) == 1


def test_threads_take_turns() -> None:
    texts = {"en-us": "Good morning.", "de": "Guten Morgen allerseits.", "fr": "Oui."}
    alone = {voice: len(engine().synthesize(text, voice).pcm) for voice, text in texts.items()}
    wrong: list[tuple[str, int]] = []

    def speak(voice: str) -> None:
        for _ in range(10):
            samples = len(engine().synthesize(texts[voice], voice).pcm)
            if samples != pytest.approx(alone[voice], rel=0.05):
                wrong.append((voice, samples))

    threads = [threading.Thread(target=speak, args=(voice,)) for voice in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- the text-to-speech interface -------------------------------------------------------------


async def test_streams_small_chunks_of_sound(tts: EspeakTextToSpeech) -> None:
    chunks = await spoken(tts, "Hello, how are you today?")
    assert {chunk.rate for chunk in chunks} == {22_050}
    assert max(len(chunk.pcm) for chunk in chunks) <= 22_050 * 0.061
    sound = np.concatenate([chunk.pcm for chunk in chunks])
    assert sound.dtype == np.float32
    assert 1.0 < seconds(chunks) < 4.0
    assert 0.1 < np.abs(sound).max() <= 1.0


async def test_words_lie_in_the_chunk_that_brings_them(tts: EspeakTextToSpeech) -> None:
    text = "Hello big world. This is a test, number 1234567 and 3.14! " * 6
    start = 0
    marks: list[WordMark] = []
    for chunk in await spoken(tts, text):
        for mark in chunk.words:
            assert start <= mark.sample < start + len(chunk.pcm)
        marks += chunk.words
        start += len(chunk.pcm)
    assert [text[m.start : m.end] for m in marks][:6] == [
        "Hello",
        "big",
        "world",
        "This",
        "is",
        "a",
    ]
    assert len(marks) == 6 * 11
    assert all(a.end <= b.start for a, b in itertools.pairwise(marks))


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("de", "Über die Größe: schön.", ["Über", "die", "Größe", "schön"]),
        ("en-us", "I 😀 love it.", ["I", "😀", "love", "it"]),
        ("en-us", "naïve café\x01 — “done”", ["naïve", "café", "done"]),
    ],
)
async def test_words_of_any_script_are_found(
    tts: EspeakTextToSpeech, voice: str, text: str, expected: list[str]
) -> None:
    assert words(text, await spoken(tts, text, voice)) == expected


async def test_chinese_words_are_characters_of_the_text(tts: EspeakTextToSpeech) -> None:
    text = "你好世界，今天天气很好。" * 30
    chunks = await spoken(tts, text, "cmn")
    found = words(text, chunks)
    assert len(found) > 150
    assert set(found) <= set("你好世界今天气很")


@pytest.mark.parametrize("text", ["", "   \n\t ", "...!? —", "\x00\x01"])
async def test_nothing_to_say_yields_nothing(tts: EspeakTextToSpeech, text: str) -> None:
    assert await spoken(tts, text) == []


async def test_the_longest_text_is_spoken_to_the_end(tts: EspeakTextToSpeech) -> None:
    text = ("The quick brown fox jumps over the lazy dog, and rests. " * 80)[:4000]
    chunks = await spoken(tts, text)
    assert seconds(chunks) > 180.0
    assert len(words(text, chunks)) == len(text.split())


async def test_an_unknown_voice_is_an_error_of_synthesis(tts: EspeakTextToSpeech) -> None:
    with pytest.raises(SpeechSynthesisError, match="did you mean en-us"):
        await spoken(tts, "Hello.", "en-uk")
    assert await spoken(tts, "Hello.")


async def test_closing_stops_the_engine_at_its_next_chunk(
    tts: EspeakTextToSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak = engine().speak
    closed = threading.Event()
    taken = 0

    def held(text: str, voice: str, sink: Callable[[Block], bool], prosody: Prosody) -> None:
        def hold(block: Block) -> bool:
            nonlocal taken
            taken += 1
            return sink(block) if taken == 1 else closed.wait(10.0) and sink(block)

        speak(text, voice, hold, prosody)

    monkeypatch.setattr(engine(), "speak", held)
    stream = tts.synthesize("word " * 39)
    async with aclosing(stream):
        await anext(stream)
    closed.set()
    monkeypatch.undo()
    # The one worker is free again once this has been spoken.
    assert await spoken(tts, "Hello.")
    assert taken == 2


async def test_sessions_share_the_engine_clause_by_clause(tts: EspeakTextToSpeech) -> None:
    finished: list[str] = []

    async def say(name: str, text: str) -> None:
        await spoken(tts, text)
        finished.append(name)

    long = asyncio.create_task(say("long", "A rather long sentence, spoken slowly. " * 100))
    await asyncio.sleep(0)
    await asyncio.gather(long, say("short", "Hi."))
    assert finished == ["short", "long"]


async def test_concurrent_speakers_get_their_own_speech(tts: EspeakTextToSpeech) -> None:
    texts = {"en-us": "Good morning to all of you.", "de": "Guten Morgen.", "fr": "Bonjour."}
    alone = {voice: seconds(await spoken(tts, text, voice)) for voice, text in texts.items()}
    together = await asyncio.gather(*(spoken(tts, text, voice) for voice, text in texts.items()))
    for voice, chunks in zip(texts, together, strict=True):
        assert seconds(chunks) == pytest.approx(alone[voice], abs=0.02)


def test_the_default_voice_is_listed_first() -> None:
    voices = EspeakTextToSpeech().voices()
    assert voices[0] == DEFAULT_VOICE
    assert {"de", "fr-fr", "cmn"} <= set(voices)
    assert len(voices) == len(set(voices))


async def test_a_failing_engine_is_an_error_of_synthesis(
    tts: EspeakTextToSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise EspeakError("out of order")

    monkeypatch.setattr(engine(), "speak", fail)
    with pytest.raises(SpeechSynthesisError, match="out of order"):
        await spoken(tts, "Hello.")


def test_text_is_pronounced_in_ipa_without_punctuation() -> None:
    assert engine().pronounce("Hello world, how are you?", "en-us") == "həlˈoʊ wˈɜːld hˈaʊ ɑːɹ juː"
    assert engine().pronounce("", "en-us") == ""
    assert engine().pronounce("Guten Tag", "de") != engine().pronounce("Guten Tag", "en-us")
    with pytest.raises(UnknownVoiceError):
        engine().pronounce("Hello", "klingonish")


def test_pronouncing_leaves_no_trace_in_speech() -> None:
    before = engine().synthesize("Bob met Papa.", "en-us")
    for _ in range(40):
        engine().pronounce("This is one sentence", "en-us")
    after = engine().synthesize("Bob met Papa.", "en-us")
    assert [p.ipa for p in after.phonemes] == [p.ipa for p in before.phonemes]
    assert len(after.words) == 3


def test_a_seed_repeats_what_a_new_process_says() -> None:
    first, again, other = (afresh(say_seeded, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def say_seeded(seed: int) -> FloatArray:
    engine().seed(seed)
    return engine().synthesize("my baby brother", "en-us+f2").pcm
