"""Sample-rate conversion keeps length, level, pitch and alignment."""

from __future__ import annotations

import numpy as np
import pytest

from streaming.resample import Resampler, to_float, to_s16


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize("source", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_tone_stays_that_tone_at_its_place(source: int) -> None:
    resampler = Resampler(source, 48_000)
    chunks = np.array_split(tone(source), 37)
    out = np.concatenate([*(resampler.push(chunk) for chunk in chunks), resampler.flush()])
    assert len(out) == pytest.approx(48_000, abs=48)
    middle = slice(4_800, 43_200)
    assert np.abs(out[middle] - tone(48_000)[middle]).max() < 0.02


def test_chunking_does_not_matter() -> None:
    pcm = np.random.default_rng(0).normal(0, 0.1, 22_050).astype(np.float32)

    def convert(parts: int) -> np.ndarray:
        resampler = Resampler(22_050, 16_000)
        chunks = np.array_split(pcm, parts)
        return np.concatenate([*(resampler.push(c) for c in chunks), resampler.flush()])

    np.testing.assert_allclose(convert(1), convert(100), atol=1e-6)


@pytest.mark.parametrize("rate", [0, -1, 7_999, 200_000])
def test_odd_rates_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="not supported"):
        Resampler(rate, 48_000)


def test_s16_clips_and_returns() -> None:
    pcm = np.array([-2.0, -1.0, 0.0, 0.5, 2.0], np.float32)
    assert to_s16(pcm).tolist() == [-32_768, -32_768, 0, 16_384, 32_767]
    np.testing.assert_allclose(to_float(to_s16(pcm[1:4])), pcm[1:4], atol=1e-4)
