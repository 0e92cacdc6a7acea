"""The corpus: phoneme times, articulation, augmentation, clips."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from motion.contract import SPEECH_RATE, Controls
from motion.keypoints import Keypoint
from motion.layout import FloatArray
from motion.training import corpus, espeak_voices
from motion.training.augmentation import add_noise, coloured_noise, degrade, warp_timbre
from motion.training.coarticulation import mouth_motion, speaking
from motion.training.phonemes import (
    PAUSE,
    Segment,
    Utterance,
    segments_from_phones,
    segments_of,
    split_ipa,
)
from motion.training.spectrum import change_rate
from motion.training.visemes import BILABIALS, VISEMES

LOWER, UPPER = 3 * Keypoint.LOWER_INNER + 1, 3 * Keypoint.UPPER_INNER + 1


def gap(mouth: FloatArray) -> FloatArray:
    return mouth[:, LOWER] - mouth[:, UPPER]


def said(*sounds: tuple[str, float]) -> Utterance:
    """Sounds with their durations in seconds, a second of silence on both sides."""
    segments, at = [], 1.0
    for ipa, duration in sounds:
        segments.append(Segment(ipa, at, at + duration))
        at += duration
    speech = np.zeros(round((at + 1.0) * SPEECH_RATE), np.float32)
    speech[SPEECH_RATE : round(at * SPEECH_RATE)] = 0.1
    return Utterance(speech, tuple(segments), "test")


@pytest.mark.parametrize(
    ("symbol", "sounds", "stressed"),
    [
        ("ˈoʊ", ["o", "ʊ"], True),
        ("tʃ", ["ʃ"], False),
        ("ˌaː", ["a"], False),
        ("tɕh", ["ɕ"], False),
        ("kʰ", ["k"], False),
        ("ɛ̃", ["ɛ"], False),
        ("i.", ["i"], False),
        ("", [], False),
    ],
)
def test_ipa_is_split_into_sounds(symbol: str, sounds: list[str], stressed: bool) -> None:
    assert split_ipa(symbol) == (sounds, stressed)


def test_diphthongs_share_the_time_of_their_segment() -> None:
    first, second = segments_of("ˈaɪ", 1.0, 1.2)
    assert (first.ipa, second.ipa) == ("a", "ɪ")
    assert second.stressed
    assert [first.start, first.end, second.end] == pytest.approx([1.0, 1.1, 1.2])


def test_festival_phones_become_ipa() -> None:
    ends = [("pau", 0.2), ("hh", 0.3), ("ax", 0.35), ("l", 0.4), ("ow1", 0.6)]
    segments = segments_from_phones(ends, "radio")
    assert [s.ipa for s in segments] == [PAUSE, "h", "ə", "l", "o", "ʊ"]
    assert segments[-1].end == 0.6
    assert segments[-1].stressed
    with pytest.raises(KeyError):
        segments_from_phones([("no such phone", 1.0)], "radio")


def test_every_sound_of_many_languages_has_a_viseme() -> None:
    random = np.random.default_rng(0)
    heard = {
        s.ipa for _ in range(60) for s in espeak_voices.random_utterance(random).segments if s.ipa
    }
    assert len(heard) > 50
    assert heard - set(VISEMES) <= {"ᵊ"}


def test_lips_meet_for_every_bilabial_however_short() -> None:
    utterance = said(("a", 0.12), ("p", 0.03), ("a", 0.12), ("m", 0.06), ("ɑ", 0.2), ("b", 0.02))
    frames = len(utterance.speech) // 640
    opening = gap(mouth_motion(utterance, frames))
    for segment in utterance.segments:
        if segment.ipa in BILABIALS:
            middle = int(0.5 * (segment.start + segment.end) * 25)
            assert opening[middle - 1 : middle + 2].min() < 0.0
    assert opening.max() > 0.05


def test_mouth_rests_in_silence_and_opens_with_the_sound() -> None:
    utterance = said(("a", 0.4))
    opening = gap(mouth_motion(utterance, len(utterance.speech) // 640))
    assert np.abs(opening[:23]).max() < 0.005
    assert np.abs(opening[40:]).max() < 0.005
    assert opening[27:33].min() > 0.07


def test_round_vowels_narrow_the_mouth_and_spread_ones_widen_it() -> None:
    corner = 3 * Keypoint.MOUTH_LEFT
    middle = 29
    spread = mouth_motion(said(("i", 0.4)), 60)[middle, corner]
    rounded = mouth_motion(said(("u", 0.4)), 60)[middle, corner]
    assert spread < -0.015 < 0.03 < rounded


def test_coarticulation_rounds_the_consonant_before_a_round_vowel() -> None:
    corner = 3 * Keypoint.MOUTH_LEFT
    before_u = mouth_motion(said(("t", 0.08), ("u", 0.3)), 60)[26, corner]
    before_i = mouth_motion(said(("t", 0.08), ("i", 0.3)), 60)[26, corner]
    assert before_u > before_i + 0.02


def test_voice_and_stress_follow_the_segments() -> None:
    utterance = said(("a", 0.2))
    stressed = dataclasses.replace(
        utterance, segments=(dataclasses.replace(utterance.segments[0], stressed=True),)
    )
    voice, stress = speaking(stressed.segments, 60)
    assert voice[25:30] == pytest.approx(1.0, abs=1e-4)
    assert stress[25:30] == pytest.approx(1.0, abs=1e-4)
    assert voice[:25].max() == voice[31:].max() == 0.0


def test_resampling_keeps_a_sine() -> None:
    time = np.arange(44_100) / 22_050
    sine = (np.hanning(44_100) * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    resampled = change_rate(sine, 22_050, 16_000)
    expected = np.hanning(32_000) * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
    assert len(resampled) == 32_000
    assert np.abs(resampled - expected).max() < 1e-3


def test_timbre_warp_moves_the_times_with_the_sound() -> None:
    utterance = espeak_voices.utter("papa", "en-us")
    warped = warp_timbre(utterance, np.random.default_rng(3))
    factor = len(warped.speech) / len(utterance.speech)
    assert factor != pytest.approx(1.0, abs=0.01)
    for a, b in zip(utterance.segments, warped.segments, strict=True):
        assert b.start == pytest.approx(a.start * factor, rel=1e-3)


def test_noise_is_added_at_the_ratio_asked_for() -> None:
    time = np.arange(SPEECH_RATE) / SPEECH_RATE
    tone = (0.1 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)
    noise = coloured_noise(SPEECH_RATE, np.random.default_rng(0), 1.0)
    added = add_noise(tone, noise, 10.0) - tone
    assert 10 * np.log10((tone**2).mean() / (added**2).mean()) == pytest.approx(10.0, abs=0.5)


def test_degraded_speech_stays_aligned_and_in_range() -> None:
    speech = espeak_voices.utter("pa ta ka, hello", "en-us").speech
    for seed in range(6):
        heard = degrade(speech, np.random.default_rng(seed))
        assert heard.shape == speech.shape
        assert np.abs(heard).max() <= 1.0


def test_a_seed_decides_what_is_said_how_and_in_which_mood() -> None:
    first = corpus.random_clip([], np.random.default_rng(5))
    again = corpus.random_clip([], np.random.default_rng(5))
    other = corpus.random_clip([], np.random.default_rng(6))
    assert first.controls == again.controls
    assert first.motion.shape == (300, 70)
    assert np.isfinite(first.motion).all()

    def likeness(clip: corpus.Clip) -> float:
        return float(np.corrcoef(first.features.ravel(), clip.features.ravel())[0, 1])

    # espeak-ng carries some noise of its own from call to call.
    assert likeness(again) > 0.7 > likeness(other)


def test_emotion_reaches_the_face_and_leaves_bilabials_closed() -> None:
    utterance = espeak_voices.utter("Papa buys a pumpkin for my baby.", "en-us")
    heard = utterance.speech[: len(utterance.speech) // 640 * 640]
    mood = np.zeros(70, np.float32)
    plain = corpus.make_clip(utterance, heard, Controls("neutral"), 1, mood)
    amazed = corpus.make_clip(utterance, heard, Controls("surprise"), 1, mood)
    brow = 3 * Keypoint.BROW_INNER_LEFT + 1
    assert amazed.motion[-1, brow] < plain.motion[-1, brow] - 0.02
    closed = amazed.closed > 0
    assert closed.sum() >= 5
    assert np.median(gap(amazed.motion)[closed]) < 0.01
