"""The speech buffer: order, look-ahead, starvation, cues, live sound."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.clock import TICK
from streaming.speech import HELD_BACK, MAX_LIVE_TICKS, SpeechBuffer, SpeechTick
from streaming.speech_source import FEATURE_TICK

LOOKAHEAD = 2


def ramp(ticks: float) -> np.ndarray:
    """A slow ramp at 48 kHz: every stretch of it is recognisable, and resampling keeps it."""
    count = int(ticks * TICK)
    return np.linspace(0.1, 0.9, count, dtype=np.float32)


def spoken(buffer: SpeechBuffer, text: str, ticks: float, name: str = "u") -> np.ndarray:
    pcm = ramp(ticks)
    source = buffer.begin(name, text)
    source.push(pcm, 48_000)
    source.end()
    return pcm


def drain(buffer: SpeechBuffer, count: int) -> list[SpeechTick]:
    return [buffer.take() for _ in range(count)]


def test_silence_when_nothing_is_said() -> None:
    tick = SpeechBuffer(LOOKAHEAD).take()
    assert tick.audio.shape == (TICK,)
    assert tick.speech.shape == (FEATURE_TICK,)
    assert not tick.audio.any()
    assert not tick.spoken
    assert len(tick.ahead) == 0


def test_speech_comes_out_whole_and_aligned_at_both_rates() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    pcm = spoken(buffer, "hi", 5.5)
    ticks = drain(buffer, 8)
    audio = np.concatenate([tick.audio for tick in ticks])
    np.testing.assert_array_equal(audio[: len(pcm)], pcm)
    assert not audio[len(pcm) + 3 :].any()
    feature = np.concatenate([tick.speech for tick in ticks])
    inner = slice(200, int(5.4 * FEATURE_TICK))
    np.testing.assert_allclose(feature[inner], audio[::3][inner], atol=0.01)
    assert [tick.spoken for tick in ticks] == [True] * 6 + [False] * 2


def test_lookahead_is_what_follows() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    spoken(buffer, "hi", 4)
    ticks = drain(buffer, 4)
    for i in range(2):
        following = np.concatenate([ticks[i + 1].speech, ticks[i + 2].speech])
        np.testing.assert_array_equal(ticks[i].ahead, following)
    assert not ticks[2].ahead[FEATURE_TICK:].any(), "after the end comes silence, and is known"
    assert len(ticks[2].ahead) == LOOKAHEAD * FEATURE_TICK


def test_it_waits_for_the_lookahead_and_never_breaks_a_tick() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u")
    source.push(ramp(2.5), 48_000)
    assert not buffer.ready
    assert not buffer.take().spoken
    source.push(ramp(1), 48_000)
    assert buffer.ready
    ticks = drain(buffer, 4)
    assert [t.spoken for t in ticks] == [True, True, True, False], "half a tick waits for its rest"
    source.push(ramp(0.5), 48_000)
    assert not buffer.take().spoken, "after running dry it waits for the look-ahead again"
    source.end()
    assert buffer.take().spoken


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_a_stream_starts_with_the_piece_that_completes_the_lookahead(rate: int) -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u")
    piece = np.full(rate // 50, 0.5, np.float32)
    for _ in range(5):
        source.push(piece, rate)
        assert not buffer.ready
    source.push(piece, rate)
    assert buffer.ready
    for _ in range(10):
        tick = buffer.take()
        assert tick.spoken
        assert len(tick.ahead) == LOOKAHEAD * FEATURE_TICK
        assert tick.ahead[:-HELD_BACK].all()
        source.push(piece, rate)
        source.push(piece, rate)


def test_utterances_follow_each_other_without_a_gap() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    spoken(buffer, "one", 1.5, "a")
    spoken(buffer, "two", 1.5, "b")
    ticks = drain(buffer, 3)
    audio = np.concatenate([tick.audio for tick in ticks])
    assert np.count_nonzero(audio == 0) < 8
    cues = [
        (i * TICK + at, cue.kind, cue.utterance) for i, t in enumerate(ticks) for at, cue in t.cues
    ]
    assert cues == [
        (0, "start", "a"),
        (1.5 * TICK, "end", "a"),
        (1.5 * TICK, "start", "b"),
        (3 * TICK - 1, "end", "b"),
    ]


def test_words_are_cued_where_they_sound() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u", "good morning")
    source.push(np.ones(22_050, np.float32) * 0.5, 22_050)
    source.cue(0, 22_050, heard=4)
    source.cue(11_025, 22_050, heard=12)
    source.end()
    cues = [
        (i * TICK + at, cue.kind, cue.heard)
        for i, tick in enumerate(drain(buffer, 26))
        for at, cue in tick.cues
    ]
    assert cues[:3] == [(0, "start", 0), (0, "word", 4), (24_000, "word", 12)]
    assert cues[3][1:] == ("end", 12)
    assert len(cues) == 4


def test_an_empty_utterance_starts_and_ends() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u", "...")
    source.end()
    assert [cue.kind for _, cue in buffer.take().cues] == ["start", "end"]
    assert not buffer.take().cues


def test_clear_leaves_silence() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    spoken(buffer, "one", 50, "a")
    buffer.push_live(ramp(5), 48_000)
    late = buffer.begin("b")
    buffer.take()
    buffer.clear()
    late.push(ramp(5), 48_000)
    assert not buffer.ready
    assert not buffer.take().spoken


def test_live_sound_drops_its_oldest() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    pcm = ramp(30)
    buffer.push_live(ramp(4), 48_000)
    assert buffer.take().spoken
    for chunk in np.array_split(pcm, 60):
        buffer.push_live(chunk, 48_000)
    heard = [tick for tick in drain(buffer, 40) if tick.spoken]
    assert len(heard) == MAX_LIVE_TICKS
    # The filters hold back their last millisecond until more comes.
    np.testing.assert_allclose(heard[-1].audio, pcm[-TICK:], atol=1e-3)


def test_live_sound_that_waited_for_an_utterance_is_not_late_for_good() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    spoken(buffer, "hi", 10)
    live = np.linspace(0.1, 0.9, 14 * TICK, dtype=np.float32)
    for chunk in np.split(live, 14):
        buffer.push_live(chunk, 48_000)
        tick = buffer.take()
    # The look-ahead is behind it; the filters hold back a millisecond.
    assert tick.audio[0] == pytest.approx(live[(14 - 1 - LOOKAHEAD) * TICK], abs=0.01)


def test_live_sound_yields_to_an_utterance_and_ends() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    buffer.push_live(ramp(4), 48_000)
    spoken(buffer, "hi", 1, "a")
    assert [cue.utterance for _, cue in buffer.take().cues] == ["a", "a"]
    buffer.end_live()
    assert [tick.spoken for tick in drain(buffer, 5)] == [True] * 4 + [False]


async def test_a_producer_far_ahead_waits() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u")
    source.push(np.zeros(40 * 48_000, np.float32), 48_000)
    waiting = asyncio.create_task(buffer.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    drain(buffer, 11 * 25)
    await asyncio.wait_for(waiting, 1)


async def test_what_waits_behind_an_utterance_does_not_hold_its_producer_up() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    first, second = buffer.begin("a"), buffer.begin("b")
    second.push(np.zeros(40 * 48_000, np.float32), 48_000)
    await asyncio.wait_for(buffer.room(first), 1)
    waiting = asyncio.create_task(buffer.room(second))
    await asyncio.sleep(0)
    assert not waiting.done()
    buffer.clear()
    await asyncio.wait_for(waiting, 1)


@settings(max_examples=30, deadline=None)
@given(
    chunks=st.lists(st.integers(1, 4_000), min_size=1, max_size=30),
    rate=st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]),
)
def test_no_sample_is_lost_whatever_the_chunks(chunks: list[int], rate: int) -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u")
    for count in chunks:
        source.push(np.full(count, 0.5, np.float32), rate)
    source.end()
    ticks = drain(buffer, int(sum(chunks) / rate * 25) + 3)
    total = sum(float(tick.audio.sum()) for tick in ticks)
    # The filter makes nothing of sound that is shorter than half of it: 2 ms at 8 kHz.
    assert total == pytest.approx(0.5 * sum(chunks) * 48_000 / rate, rel=0.05, abs=60)
    assert not ticks[-1].spoken


def test_a_tick_says_what_part_of_what_it_carries() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    spoken(buffer, "one", 1.5, "a")
    spoken(buffer, "two", 1, "b")
    first, second, third = drain(buffer, 3)
    assert [(s.source.name, s.start, s.count, s.position) for s in first.spans] == [
        ("a", 0, TICK, 0)
    ]
    assert [(s.source.name, s.start, s.count, s.position) for s in second.spans] == [
        ("a", 0, TICK / 2, TICK),
        ("b", TICK / 2, TICK / 2, 0),
    ]
    assert [(s.source.name, s.position) for s in third.spans] == [("b", TICK / 2)]


def test_two_producers_fill_their_own_utterances() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    first, second = buffer.begin("a"), buffer.begin("b")
    second.push(np.full(TICK, 0.2, np.float32), 48_000)
    second.end()
    first.push(np.full(TICK, 0.1, np.float32), 48_000)
    first.end()
    levels = [float(tick.audio.mean()) for tick in drain(buffer, 2)]
    assert levels == pytest.approx([0.1, 0.2], abs=0.01)


@settings(max_examples=30, deadline=None)
@given(
    ticks=st.lists(st.floats(0.3, 3.0), min_size=1, max_size=4),
    taken=st.integers(1, 8),
    back=st.integers(1, 4),
    start=st.integers(0, TICK),
)
def test_what_is_put_back_comes_again(
    ticks: list[float], taken: int, back: int, start: int
) -> None:
    plain, undone = SpeechBuffer(LOOKAHEAD), SpeechBuffer(LOOKAHEAD)
    for i, length in enumerate(ticks):
        spoken(plain, "x", length, str(i))
        spoken(undone, "x", length, str(i))
    wanted = np.concatenate([t.audio for t in drain(plain, 20)])
    first = drain(undone, taken)
    back = min(back, taken)
    for tick in reversed(first[taken - back + 1 :]):
        undone.put_back(tick)
    undone.put_back(first[taken - back], start)
    cut = (taken - back) * TICK + -(-start // 3) * 3
    again = np.concatenate([t.audio for t in drain(undone, 20)])
    kept = np.concatenate([t.audio for t in first])[:cut]
    whole = np.concatenate([kept, again])[: len(wanted)]
    np.testing.assert_array_equal(np.trim_zeros(whole, "b"), np.trim_zeros(wanted, "b"))


def test_words_that_were_put_back_are_cued_again() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    source = buffer.begin("u", "one two")
    source.push(ramp(4), 48_000)
    source.cue(0, 48_000, heard=3)
    source.cue(2 * TICK + 100, 48_000, heard=7)
    source.end()
    ticks = drain(buffer, 4)
    buffer.put_back(ticks[3])
    buffer.put_back(ticks[2], 60)
    cues = [(at, cue.kind, cue.heard) for tick in drain(buffer, 3) for at, cue in tick.cues]
    assert [kind for _, kind, _ in cues] == ["word", "end"]
    assert cues[0] == (40, "word", 7)


def test_while_held_it_is_silent_and_keeps_what_waits() -> None:
    buffer = SpeechBuffer(LOOKAHEAD)
    pcm = spoken(buffer, "hi", 3)
    buffer.held = True
    assert not buffer.ready
    assert not buffer.take().spoken
    buffer.held = False
    np.testing.assert_array_equal(np.concatenate([t.audio for t in drain(buffer, 3)]), pcm)
