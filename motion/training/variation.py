"""A batch as other throats, rooms and microphones would have made it, changed as features.

The corpus holds few voices and each of its clips in one surrounding. What is varied here is new in
every batch, so that training cannot learn the few by heart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from motion.features import HOPS, MELS, mel_centres
from motion.moda.causal import SILENCE
from motion.training.dataset import Batch

_WARP: Final = 0.12
_BEND: Final = 0.06
_KNOTS: Final = 4
_NOISY_SHARE: Final = 0.35
_SNR_DB: Final = (0.0, 25.0)
_UNIT_DB: Final = 20.0
_MASKED_SHARE: Final = 0.3
_MASK_BANDS: Final = 9


def vary(batch: Batch, generator: torch.Generator) -> Batch:
    """The batch with its sound from other throats and microphones, louder, in noise, or with gaps
    in its spectrum."""
    spectra, noise = _spectra(batch.audio), _spectra(batch.noise)
    spectra = _warp(spectra, generator) + _response(spectra, generator)
    spectra = _add_noise(spectra, noise, generator)
    spectra = _mask(spectra, generator)
    return replace(batch, audio=spectra.clamp(min=SILENCE).flatten(-2))


def _spectra(features: Tensor) -> Tensor:
    """[..., 160] -> [..., hops, bands]."""
    return features.reshape(*features.shape[:-1], HOPS, MELS)


def _warp(spectra: Tensor, generator: torch.Generator) -> Tensor:
    """Spectra [B, M, 1, hops, bands] with their frequencies scaled by up to about 1.2.

    Formants of another vocal tract at the same pace (Jaitly and Hinton 2013); the scale differs a
    little from formant to formant, as throats and mouths do.
    """
    size, device = len(spectra), spectra.device
    length = 2.0 * torch.rand(size, 1, generator=generator, device=device) - 1.0
    bends = torch.randn(size, 1, _KNOTS, generator=generator, device=device)
    factor = torch.exp(_WARP * length + _BEND * _curve(bends))
    centres = torch.from_numpy(mel_centres()).to(device)
    position = 1127.0 * torch.log1p(factor * centres / 700.0)
    mel = 1127.0 * torch.log1p(centres / 700.0)
    place = ((position - mel[0]) / (mel[1] - mel[0])).clamp(0.0, MELS - 1.001)
    below = place.floor()
    share = (place - below)[:, None, None, None]
    index = below.long()[:, None, None, None].expand_as(spectra)
    return torch.lerp(spectra.gather(-1, index), spectra.gather(-1, index + 1), share)


def _response(spectra: Tensor, generator: torch.Generator) -> Tensor:
    """Level and frequency response of a microphone, to be added [B, 1, 1, 1, bands]."""
    size, device = len(spectra), spectra.device
    level = 0.3 * torch.randn(size, 1, generator=generator, device=device)
    tilt = 0.2 * torch.randn(size, 1, generator=generator, device=device)
    knots = 0.12 * torch.randn(size, 1, 8, generator=generator, device=device)
    response = _curve(knots) + level + tilt * torch.linspace(-1, 1, MELS, device=device)
    return response[:, None, None, None]


def _curve(knots: Tensor) -> Tensor:
    """A curve over the bands [B, bands] through ``knots [B, 1, K]``."""
    return F.interpolate(knots, MELS, mode="linear", align_corners=True)[:, 0]


def _add_noise(spectra: Tensor, noise: Tensor, generator: torch.Generator) -> Tensor:
    """Some of the windows with ``noise`` of the same shape under them, as powers add."""
    size, device = len(spectra), spectra.device
    low, high = _SNR_DB
    snr = low + (high - low) * torch.rand(size, generator=generator, device=device)
    gain = _speech_level(spectra) - snr / _UNIT_DB - _level(noise).mean((1, 2, 3))
    added = _power(noise + gain[:, None, None, None, None])
    noisy = torch.rand(size, generator=generator, device=device) < _NOISY_SHARE
    mixed = 0.5 * torch.log10(_power(spectra) + added)
    return torch.where(noisy[:, None, None, None, None], mixed, spectra)


def _mask(spectra: Tensor, generator: torch.Generator) -> Tensor:
    """Some of the windows with a few bands that tell nothing (SpecAugment, Park et al. 2019)."""
    size, device = len(spectra), spectra.device
    width = torch.randint(1, _MASK_BANDS + 1, (size, 1), generator=generator, device=device)
    first = torch.randint(0, MELS, (size, 1), generator=generator, device=device)
    chosen = torch.rand(size, 1, generator=generator, device=device) < _MASKED_SHARE
    band = torch.arange(MELS, device=device)
    masked = (band >= first) & (band < first + width) & chosen
    mean = spectra.mean((1, 3), keepdim=True)
    return torch.where(masked[:, None, None, None], mean, spectra)


def _power(features: Tensor) -> Tensor:
    return 10.0 ** (features * (_UNIT_DB / 10.0))


def _level(spectra: Tensor) -> Tensor:
    """Level of each hop over its bands [B, M, 1, hops], in the features' unit."""
    return (10.0 / _UNIT_DB) * torch.log10(_power(spectra).mean(-1))


def _speech_level(spectra: Tensor) -> Tensor:
    """Mean level of the hops that are within 25 dB of the loudest [B]."""
    power = _power(spectra).mean(-1).flatten(1)
    loud = power > power.amax(1, keepdim=True) * 10.0**-2.5
    return (10.0 / _UNIT_DB) * torch.log10((power * loud).sum(1) / loud.sum(1))
