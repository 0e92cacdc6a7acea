"""Invented voices: the same words at the same pace out of another throat."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE
from motion.features import LogMelFeatures
from motion.layout import FloatArray
from motion.speech.espeak import EspeakError, engine
from motion.training.espeak_voices import random_utterance
from motion.training.spectrum import change_rate
from motion.training.timbres import random_timbre, write_voice

WORDS = "my baby brother bought a puppy"


def spectrum(pcm: FloatArray) -> FloatArray:
    """Mean log-mel features of speech."""
    features = LogMelFeatures()
    heard = change_rate(pcm, engine().rate, SPEECH_RATE)
    whole = heard[: len(heard) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
    mels, _ = features.step(features.init_state(), whole)
    mean: FloatArray = mels.mean(axis=0)
    return mean


@pytest.fixture
def folder() -> Generator[Path]:
    """One whose path is short enough for espeak-ng, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def test_timbres_differ_and_say_the_same_sounds(folder: Path) -> None:
    random = np.random.default_rng(0)
    plain = engine().synthesize(WORDS, "en-us")
    spectra = [spectrum(plain.pcm)]
    for number in range(6):
        file = folder / f"voice {number}"
        write_voice(file, "en-us", random_timbre(random))
        block = engine().synthesize(WORDS, file)
        assert [p.ipa for p in block.phonemes] == [p.ipa for p in plain.phonemes]
        assert np.abs(block.pcm).max() > 0.05
        spectra.append(spectrum(block.pcm))
    apart = [np.abs(a - b).mean() for i, a in enumerate(spectra) for b in spectra[:i]]
    again = spectrum(engine().synthesize(WORDS, "en-us").pcm)
    assert min(apart) > 4.0 * np.abs(again - spectra[0]).mean()


def test_a_share_of_the_speech_is_invented() -> None:
    random = np.random.default_rng(1)
    voices = [random_utterance(random, invented_share=0.5).voice for _ in range(30)]
    assert 5 <= sum(voice.endswith("+invented") for voice in voices) <= 25
    assert not random_utterance(random).voice.endswith("+invented")


def test_a_voice_file_that_cannot_be_read_is_an_error(folder: Path) -> None:
    with pytest.raises(EspeakError, match=r"could not load .*missing"):
        engine().synthesize(WORDS, folder / "missing")
    with pytest.raises(EspeakError, match="paths of 59 bytes"):
        engine().synthesize(WORDS, folder / ("long" * 20))
