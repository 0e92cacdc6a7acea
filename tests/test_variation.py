"""What training makes of a window of sound so that few voices stand for many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from motion.features import HOPS, MELS
from motion.moda.causal import SILENCE
from motion.training.dataset import Batch
from motion.training.variation import vary

_WINDOWS, _FRAMES = 256, 20


def _batch(audio: Tensor, noise: Tensor | None = None) -> Batch:
    """Windows with the same ``audio [bands]`` in all hops over silence that is half as long."""
    rows = audio.repeat(HOPS).expand(_WINDOWS, _FRAMES, 1, HOPS * MELS).clone()
    rows[:, ::2] = SILENCE
    if noise is None:
        noise = torch.full_like(rows, SILENCE)
    motion = torch.randn(_WINDOWS, 1 + _FRAMES, 70)
    flags = torch.zeros(_WINDOWS, _FRAMES)
    return Batch(rows, noise, motion, flags, flags, torch.zeros(_WINDOWS, 8))


def _varied(batch: Batch, seed: int = 0) -> Tensor:
    """Spectra [windows, frames, hops, bands]."""
    varied = vary(batch, torch.Generator().manual_seed(seed))
    assert varied.motion is batch.motion
    return varied.audio.reshape(_WINDOWS, _FRAMES, HOPS, MELS)


def _peak(band: int) -> Tensor:
    """A spectrum with one formant, 40 dB above the rest."""
    return 2.0 * torch.exp(-0.5 * (torch.arange(MELS) - band) ** 2 / 2.0) - 0.5


def test_the_same_seed_varies_alike_and_another_otherwise() -> None:
    batch = _batch(_peak(15))
    torch.testing.assert_close(_varied(batch), _varied(batch))
    assert not torch.allclose(_varied(batch), _varied(batch, 1))


def test_formants_move_both_ways_but_not_far() -> None:
    formant = _varied(_batch(_peak(15)))[:, 1, 0].argmax(-1).numpy()
    masked = np.abs(formant - 15) > 5
    assert masked.mean() < 0.2
    moved = formant[~masked] - 15
    assert moved.min() <= -2
    assert moved.max() >= 2
    assert np.abs(np.median(moved)) <= 1


def test_levels_and_responses_differ_between_windows() -> None:
    flat = _varied(_batch(torch.zeros(MELS)))[:, 1, 0]
    assert 0.15 < flat.mean(-1).std() < 0.6
    assert 0.05 < flat.std(-1).mean() < 0.4


@pytest.mark.parametrize("level", [-1.5, 0.0, 1.0])
def test_noise_lies_below_speech_by_0_to_25_db_whatever_its_own_level(level: float) -> None:
    noise = torch.full((_WINDOWS, _FRAMES, 1, HOPS * MELS), level)
    spectra = _varied(_batch(torch.ones(MELS), noise)).mean((2, 3))
    ratio = 20.0 * (spectra[:, 1] - spectra[:, 0])
    noisy = ratio < 32.0
    assert 0.2 < noisy.float().mean() < 0.5
    snr = ratio[noisy]
    assert snr.min() > 0.0
    assert snr.max() < 27.0
    assert 8.0 < snr.mean() < 18.0


def test_a_masked_band_tells_nothing_of_time() -> None:
    spectra = _varied(_batch(torch.zeros(MELS)))
    constant = spectra.std(1)[:, 0] < 1e-4
    masked = constant.any(-1).float().mean()
    assert 0.2 < masked < 0.4
    assert constant.sum(-1).max() <= 9


def test_silence_stays_silence() -> None:
    spectra = _varied(_batch(torch.full((MELS,), SILENCE)))
    assert (spectra >= SILENCE).all()
    assert spectra.mean() < SILENCE + 0.3
