"""The measurements hold on streams of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from client import measure
from client.media import AUDIO_RATE, Picture, Sound

PACKET = 960
FPS = 25


def loudness(seconds: float) -> np.ndarray:
    """A syllable-like envelope at 48 kHz: silent for a second, then speech, then silent."""
    time = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    random = np.random.default_rng(5)
    beats = np.arange(0, seconds + 0.2, 0.1)
    beat = np.interp(time, beats, random.random(len(beats)))
    speech = (time >= 1.0) & (time < seconds - 1.0)
    return np.where(speech, beat**2, 0.0)


def sounds(envelope: np.ndarray, begin: float = 100.0) -> list[Sound]:
    """Packets of noise under ``envelope`` that arrive as they sound."""
    noise = np.random.default_rng(6).standard_normal(len(envelope)) * 3000
    pcm = (noise * envelope).astype(np.int16)
    return [
        Sound(begin + i / AUDIO_RATE, i / AUDIO_RATE, pcm[i : i + PACKET])
        for i in range(0, len(pcm) - PACKET + 1, PACKET)
    ]


def pictures(
    opening: Callable[[float], float], seconds: float, begin: float = 100.0
) -> list[Picture]:
    """A grey face with a dark mouth that is ``opening(t)`` open, before a swaying background."""
    frames = []
    random = np.random.default_rng(7)
    for k in range(round(seconds * FPS)):
        time = k / FPS
        face = np.full((100, 120), 150.0) + random.standard_normal((100, 120)) * 2
        face[:, :6] += 40 * np.sin(time)
        height = round(30 * opening(time))
        face[40 : 40 + height, 40:80] = 30
        frames.append(Picture(begin + time, time, face.astype(np.uint8)))
    return frames


def test_a_movement_is_told_from_rest() -> None:
    moving = pictures(lambda t: 0.3 if t >= 2.2 else 0.0, 4.0)
    assert measure.moved_at(moving, 102.0) == pytest.approx(102.2)
    assert measure.moved_at(moving, 101.0) is None, "nothing moves within a second"
    assert measure.moved_at(moving, 99.0) is None, "there is no rest before"


def identity(pts: float) -> float:
    return pts


@pytest.mark.parametrize("late", [-0.2, -0.06, 0.0, 0.04, 0.12])
def test_lip_sync_finds_a_known_offset(late: float) -> None:
    seconds = 16.0
    envelope = loudness(seconds)

    def opening(time: float) -> float:
        # The mouth follows what sounds while its picture is shown.
        at = round((time - late) * AUDIO_RATE)
        shown = envelope[max(at, 0) : max(at + AUDIO_RATE // FPS, 1)]
        return float(np.sqrt(shown.mean())) if len(shown) else 0.0

    heard, seen = sounds(envelope), pictures(opening, seconds)
    amount = measure.mouth_opening(seen, measure.speaking_pictures(seen, heard))
    sync = measure.lip_sync(heard, seen, amount, identity, identity)
    assert len(sync.offsets_ms) >= 8
    assert sync.median_ms == pytest.approx(late * 1000, abs=12)
    assert sync.p95_ms == pytest.approx(abs(late) * 1000, abs=25)


def test_lip_sync_says_nothing_of_lips_that_do_not_follow() -> None:
    envelope = loudness(12.0)
    random = np.random.default_rng(8)
    heard, seen = sounds(envelope), pictures(lambda _: float(random.random()), 12.0)
    amount = measure.mouth_opening(seen, measure.speaking_pictures(seen, heard))
    sync = measure.lip_sync(heard, seen, amount, identity, identity, alike=0.5)
    assert sync.median_ms is None


def test_lip_sync_needs_the_senders_clock() -> None:
    heard, seen = sounds(loudness(6.0)), pictures(lambda _: 0.0, 6.0)
    sync = measure.lip_sync(heard, seen, np.zeros(len(seen)), identity, lambda _: None)
    assert sync.median_ms is None


def test_lost_packets_do_not_shift_the_rest() -> None:
    envelope = loudness(16.0)

    def opening(time: float) -> float:
        at = round(time * AUDIO_RATE)
        return float(np.sqrt(envelope[at : at + AUDIO_RATE // FPS].mean()))

    heard = [sound for i, sound in enumerate(sounds(envelope)) if i % 17]
    seen = pictures(opening, 16.0)
    amount = measure.mouth_opening(seen, measure.speaking_pictures(seen, heard))
    sync = measure.lip_sync(heard, seen, amount, identity, identity)
    assert sync.median_ms == pytest.approx(0, abs=12)


def test_mouth_opening_ignores_what_moves_at_rest_too() -> None:
    heard = sounds(loudness(8.0))
    seen = pictures(lambda time: 0.8 if 3 <= time < 4 else 0.0, 8.0)
    amount = measure.mouth_opening(seen, measure.speaking_pictures(seen, heard))
    wide = np.array([3 <= picture.pts < 4 for picture in seen])
    assert amount[wide].min() > 0.8
    assert np.abs(amount[~wide]).max() < 0.2
    assert measure.open_at(seen, amount, 100.0) == pytest.approx(103.0, abs=0.001)
    assert measure.closed_at(seen, amount, 103.5) == pytest.approx(104.0, abs=0.001)


def test_mouth_opening_needs_rest_and_speech() -> None:
    seen = pictures(lambda _: 0.5, 1.0)
    with pytest.raises(ValueError, match="resting"):
        measure.mouth_opening(seen, np.ones(len(seen), np.bool_))


def test_onset_and_silence() -> None:
    envelope = np.zeros(AUDIO_RATE * 4)
    envelope[AUDIO_RATE : AUDIO_RATE * 2] = 1.0
    envelope[round(AUDIO_RATE * 2.1) : AUDIO_RATE * 3] = 1.0  # a short gap is not the end
    heard = sounds(envelope)
    assert measure.audible_at(heard, 100.0) == pytest.approx(101.0)
    assert measure.audible_at(heard, 103.5) is None
    assert measure.silent_at(heard, 101.5) == pytest.approx(103.0)
    assert measure.silent_at(heard, 101.5, hold=0.05) == pytest.approx(102.0)
    assert measure.silent_at(heard[:120], 101.5) is None


def test_frame_rate_and_freezes() -> None:
    seen = pictures(lambda _: 0.0, 4.0)
    assert measure.frame_rate(seen) == pytest.approx(25.0)
    assert measure.freezes(seen) == 0
    late = [*seen[:40], *seen[46:]]  # 280 ms without a picture
    assert measure.freezes(late) == 1
    assert measure.frame_rate(late) < 25
    assert measure.frame_rate(seen[:1]) == 0.0
