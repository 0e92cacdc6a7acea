"""Hair: a long bob parted at one side, in a layer before the face and one behind the neck.

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

from renderer.drawing.brush import Point, curve, ellipse, linear, paint, ribbon, sampled

Guide = Sequence[Point]
Spines = npt.NDArray[np.float64]

DARK, DEEP, MIDDLE, LIGHT, GLOSS = "#24120d", "#3a2016", "#5a3422", "#8b5a3a", "#c39064"
SAMPLES = 40
SHEEN = ((398, 210, 74, 52, 62), (690, 240, 30, 60, 34), (300, 520, 20, 90, 30))
"""Broad highlights: x, y, half width, half height, opacity."""

LEFT_FRONT: list[Guide] = [
    [(579, 232), (536, 243), (470, 272), (412, 316), (371, 368), (349, 430), (341, 500),
     (336, 580), (338, 664), (356, 740), (398, 784)],
    [(577, 206), (520, 202), (440, 228), (378, 282), (342, 350), (324, 430), (315, 510),
     (306, 590), (302, 670), (316, 742), (360, 792)],
    [(574, 166), (502, 148), (420, 170), (356, 228), (318, 310), (303, 400), (296, 490),
     (285, 580), (276, 668), (288, 748), (336, 800)],
    [(568, 104), (486, 92), (404, 114), (338, 178), (298, 264), (282, 360), (276, 460),
     (264, 560), (252, 660), (262, 744), (314, 802)],
]  # fmt: skip
RIGHT_FRONT: list[Guide] = [
    [(580, 232), (610, 246), (642, 284), (664, 336), (677, 400), (683, 470), (688, 550),
     (690, 630), (684, 700), (660, 756), (630, 780)],
    [(579, 206), (620, 210), (664, 252), (694, 316), (708, 396), (712, 480), (718, 560),
     (724, 640), (720, 712), (694, 770), (654, 796)],
    [(577, 166), (632, 158), (690, 198), (722, 278), (734, 372), (736, 470), (744, 566),
     (754, 652), (748, 726), (718, 782), (676, 806)],
    [(571, 104), (636, 103), (704, 146), (742, 236), (754, 340), (756, 450), (764, 556),
     (778, 650), (772, 734), (738, 792), (694, 812)],
]  # fmt: skip
BACK: list[Guide] = [
    [(330, 300), (306, 420), (296, 540), (284, 660), (296, 750), (346, 800)],
    [(380, 300), (362, 420), (356, 540), (352, 660), (366, 756), (408, 806)],
    [(440, 300), (430, 420), (426, 540), (424, 660), (430, 750), (446, 806)],
    [(512, 300), (512, 420), (512, 540), (512, 640), (512, 730), (512, 800)],
    [(584, 300), (594, 420), (598, 540), (600, 660), (594, 750), (578, 806)],
    [(644, 300), (662, 420), (668, 540), (672, 660), (658, 756), (616, 806)],
    [(694, 300), (718, 420), (728, 540), (742, 660), (728, 750), (676, 804)],
]  # fmt: skip


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
    """Strength of the sheen where the hair turns to the light, 0 to 1."""


def draw_back(canvas: skia.Canvas) -> None:
    """Hair behind the neck."""
    spines = _spines(BACK)
    _mass(canvas, spines, 0.90, ["#2a160f", "#2b170f", "#1d0f0a"])
    _strands(canvas, spines, Strands(240, (3, 10), (50, 110), (DARK, DEEP, DEEP), 5), 31)
    _strands(canvas, spines, Strands(240, (1, 2.4), (50, 100), (DEEP, MIDDLE, DARK), 8), 32)


def draw_front(canvas: skia.Canvas) -> None:
    """Hair before the face: what falls to both sides of the parting."""
    parting = curve([(570, 108), (574, 150), (577, 200), (580, 230)], False)
    canvas.drawPath(parting, paint(DEEP, stroke=11, blur=1.5))
    for seed, guides in ((1, LEFT_FRONT), (2, RIGHT_FRONT)):
        spines = _spines(guides)
        edge = curve([(float(x), float(y)) for x, y in spines[0][:34]], False)
        canvas.drawPath(edge, paint("#6d3a24", 120, blur=9, stroke=13))
        _mass(canvas, spines, 0.90, [MIDDLE, DEEP, DARK])
        _tips(canvas, spines, seed * 10 + 2)
        coarse = Strands(260, (4, 13), (55, 120), (DEEP, MIDDLE, DARK, MIDDLE), 4, 0.55)
        _strands(canvas, spines, coarse, seed * 10)
        fine = Strands(520, (1.0, 3.0), (60, 130), (DEEP, LIGHT, MIDDLE, DARK, LIGHT), 6, 0.8)
        _strands(canvas, spines, fine, seed * 10 + 1)
        _fringe_wisps(canvas, spines, seed)
    on_hair = skia.BlendMode.kSrcATop
    for x, y, rx, ry, alpha in SHEEN:
        canvas.drawOval(ellipse((x, y), rx, ry), paint(GLOSS, alpha, blur=26, mode=on_hair))
    canvas.drawPath(parting, paint(DARK, 150, stroke=5, blur=3.5, mode=on_hair))


def _spines(guides: Sequence[Guide]) -> Spines:
    """Guides resampled to [guides, SAMPLES, 2]."""
    return np.stack([sampled(list(guide), SAMPLES) for guide in guides])


def _mass(canvas: skia.Canvas, spines: Spines, reach: float, tones: Sequence[str]) -> None:
    """The body of a lock, up to the share ``reach`` of its length."""
    end = int(SAMPLES * reach)
    outline = np.concatenate([spines[0, :end], spines[1:-1, end], spines[-1, :end][::-1]])
    path = skia.Path()
    path.addPoly([skia.Point(float(x), float(y)) for x, y in outline], True)
    low, high = float(outline[:, 1].max()), float(outline[:, 1].min())
    canvas.drawPath(path, paint(shader=linear((0, high), (0, low), tones), blur=1.0))


def _strands(canvas: skia.Canvas, spines: Spines, look: Strands, seed: int) -> None:
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


def _tips(canvas: skia.Canvas, spines: Spines, seed: int) -> None:
    """Tapering ends at different lengths, below the body of the lock."""
    rng = random.Random(seed)
    for _ in range(330):
        spine = _between(spines, rng.random(), rng, 5)
        part = spine[int(rng.uniform(0.55, 0.75) * SAMPLES) : int(rng.uniform(0.93, 1.0) * SAMPLES)]
        along = np.linspace(0, 1, len(part))
        taper = np.minimum(np.minimum(1.0, along * 3), (1 - along) * 2.4 + 0.03)
        width = rng.uniform(4, 12) * taper
        tone = rng.choice([DARK, DEEP, DEEP, MIDDLE])
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
        canvas.drawPath(ribbon(part, width), paint(GLOSS, alpha, blur=1.4))


def _fringe_wisps(canvas: skia.Canvas, spines: Spines, seed: int) -> None:
    """Fine hairs across the edge of the lock, so that it does not end in a line on the skin."""
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
        tone = rng.choice([DEEP, MIDDLE, DARK])
        canvas.drawPath(ribbon(part, width), paint(tone, rng.randint(70, 150)))
