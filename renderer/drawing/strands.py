"""Locks of hair.

A lock is a family of guides, each from the root to the tip; strands run between the guides and
end at different lengths, so that no edge is blunt.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import skia

from renderer.drawing.brush import Point, linear, paint, ribbon, sampled

Guide = Sequence[Point]
Spines = npt.NDArray[np.float64]

SAMPLES = 40


@dataclass(frozen=True)
class HairTones:
    """Colours of hair from the shadows to the sheen."""

    dark: str = "#24120d"
    deep: str = "#3a2016"
    middle: str = "#5a3422"
    light: str = "#8b5a3a"
    gloss: str = "#c39064"


@dataclass(frozen=True)
class Strands:
    """How the strands of one pass look."""

    count: int
    width: tuple[float, float]
    alpha: tuple[int, int]
    tones: Sequence[str]
    spread: float = 0.0
    """How far, in pixels, strands stray from their guides."""
    gloss: float = 0.0
    """Strength of the sheen where the hair faces the light, 0 to 1."""
    sheen: str = "#c39064"


def spines_of(guides: Sequence[Guide]) -> Spines:
    """Guides resampled to [guides, SAMPLES, 2]."""
    return np.stack([sampled(list(guide), SAMPLES) for guide in guides])


def draw_mass(canvas: skia.Canvas, spines: Spines, reach: float, tones: Sequence[str]) -> None:
    """The body of a lock, up to the share ``reach`` of its length."""
    end = int(SAMPLES * reach)
    outline = np.concatenate([spines[0, :end], spines[1:-1, end], spines[-1, :end][::-1]])
    path = skia.Path()
    path.addPoly([skia.Point(float(x), float(y)) for x, y in outline], True)
    low, high = float(outline[:, 1].max()), float(outline[:, 1].min())
    canvas.drawPath(path, paint(shader=linear((0, high), (0, low), tones), blur=1.0))


def draw_strands(canvas: skia.Canvas, spines: Spines, look: Strands, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(look.count):
        spine = _between(spines, rng.random(), rng, look.spread)
        start = 0 if rng.random() < 0.5 else int(rng.uniform(0, 0.45) * SAMPLES)
        stop = int(SAMPLES * rng.uniform(0.72, 1.0))
        part = spine[start : max(stop, start + 8)]
        along = np.linspace(0, 1, len(part))
        taper = np.minimum(1.0, np.minimum(along * 6 + 0.25, (1 - along) * 3.2 + 0.04))
        width = rng.uniform(*look.width) * taper
        tone = rng.choice(list(look.tones))
        alpha = rng.randint(*look.alpha)
        canvas.drawPath(ribbon(part, width), paint(tone, alpha, blur=0.7))
        if look.gloss:
            _gloss(canvas, spine, rng, look)


def draw_tips(canvas: skia.Canvas, spines: Spines, hair: HairTones, seed: int) -> None:
    """Tapering ends of different lengths, below the body of the lock."""
    rng = random.Random(seed)
    for _ in range(330):
        spine = _between(spines, rng.random(), rng, 5)
        part = spine[int(rng.uniform(0.55, 0.75) * SAMPLES) : int(rng.uniform(0.93, 1.0) * SAMPLES)]
        along = np.linspace(0, 1, len(part))
        taper = np.minimum(np.minimum(1.0, along * 3), (1 - along) * 2.4 + 0.03)
        width = rng.uniform(4, 12) * taper
        tone = rng.choice([hair.dark, hair.deep, hair.deep, hair.middle])
        canvas.drawPath(ribbon(part, width), paint(tone, rng.randint(130, 220), blur=0.7))


def _between(spines: Spines, u: float, rng: random.Random, spread: float) -> Spines:
    """A strand at the share ``u`` of the way across the guides, straying a little."""
    place = u * (len(spines) - 1)
    i = min(int(place), len(spines) - 2)
    spine = spines[i] * (1 - place + i) + spines[i + 1] * (place - i)
    along = np.linspace(0, 1, len(spine))
    wave = np.sin(along * rng.uniform(4, 8) + rng.uniform(0, 6.3)) * along
    drift = rng.gauss(0, 0.5) * along + rng.gauss(0, 0.18)
    stray = spread * (wave[:, None] * [[1.0, 0.2]] + drift[:, None] * [[1.0, 0.6]])
    result: Spines = spine + stray
    return result


def _gloss(canvas: skia.Canvas, spine: Spines, rng: random.Random, look: Strands) -> None:
    """Sheen on one strand, in a band across the lock."""
    for centre, reach, strength in ((0.30, 0.10, 1.0), (0.68, 0.08, 0.55)):
        middle = centre + rng.gauss(0, 0.03)
        a, b = int((middle - reach) * SAMPLES), int((middle + reach) * SAMPLES)
        part = spine[max(a, 0) : b]
        bump = np.sin(np.linspace(0.05, np.pi - 0.05, len(part)))
        width = rng.uniform(*look.width) * 0.7 * bump
        alpha = int(rng.uniform(20, 58) * strength * look.gloss)
        canvas.drawPath(ribbon(part, width), paint(look.sheen, alpha, blur=1.4))


def draw_wisps(canvas: skia.Canvas, spines: Spines, hair: HairTones, seed: int) -> None:
    """Fine hairs across the edge of the lock, so that it does not end in a hard line."""
    rng = random.Random(seed + 100)
    for _ in range(70):
        shift = rng.uniform(-3, 9)
        inner = spines[0] - (spines[1] - spines[0]) * shift / 30
        start = int(rng.uniform(0, 0.5) * SAMPLES)
        stop = min(SAMPLES, start + int(rng.uniform(0.2, 0.45) * SAMPLES))
        part = inner[start:stop]
        away = np.linspace(0, 1, len(part))[:, None] ** 2
        part = part + away * np.array([[rng.gauss(0, 4), rng.gauss(0, 3)]])
        width = rng.uniform(0.8, 1.7) * np.sin(np.linspace(0.15, np.pi - 0.1, len(part)))
        tone = rng.choice([hair.deep, hair.middle, hair.dark])
        canvas.drawPath(ribbon(part, width), paint(tone, rng.randint(70, 150)))
