"""Hair brushed up from the face into a knot on the crown."""

from __future__ import annotations

import math
import random

import numpy as np
import skia

from renderer.drawing.brush import (
    MIDLINE,
    Point,
    curve,
    ellipse,
    linear,
    mirror,
    paint,
    radial,
    ribbon,
)
from renderer.drawing.looks import Looks
from renderer.drawing.strands import (
    Guide,
    HairTones,
    Strands,
    draw_strands,
    draw_wisps,
    spines_of,
)

LEFT: list[Guide] = [
    [(518, 240), (518, 222), (518, 206), (518, 188), (517, 170), (515, 140)],
    [(458, 246), (462, 230), (470, 214), (482, 196), (496, 178), (508, 138)],
    [(408, 270), (410, 248), (422, 226), (446, 202), (474, 176), (505, 132)],
    [(372, 312), (370, 284), (382, 250), (414, 212), (454, 176), (502, 126)],
    [(354, 360), (346, 318), (354, 272), (388, 220), (436, 172), (500, 120)],
    [(346, 412), (330, 350), (334, 286), (368, 218), (424, 160), (498, 114)],
    [(343, 468), (319, 386), (320, 296), (354, 212), (416, 146), (497, 106)],
]
"""Guides from the middle of the hairline to the temple, each from the root to the knot."""
KNOT: Point = (MIDLINE, 92)
KNOT_SIZE = (88, 56)


def draw_updo(canvas: skia.Canvas, looks: Looks, hair: HairTones) -> None:
    """The hair before the face, the knot behind it."""
    _knot(canvas, hair)
    right = [mirror(guide)[::-1] for guide in LEFT]
    for seed, guides in ((1, LEFT), (2, right)):
        roots = curve([guide[0] for guide in guides], False)
        canvas.save()
        face = [(MIDLINE + x, y) for x, y in looks.geometry.face]
        canvas.clipPath(curve(face + mirror(face[1:-1])), True)
        canvas.drawPath(roots, paint(looks.skin("#743a2f"), 110, blur=8, stroke=13))
        canvas.restore()
        spines = spines_of(guides)
        outline = [*guides[-1], *guides[0][::-1], *(guide[0] for guide in guides[1:-1])]
        body = skia.Path()
        edge = np.concatenate([spines[-1], spines[0, ::-1], spines[1:-1, 0]])
        body.addPoly([skia.Point(float(x), float(y)) for x, y in edge], True)
        low = max(y for _, y in outline)
        tones = [hair.light, hair.middle, hair.deep]
        canvas.drawPath(body, paint(shader=linear((0, 110), (0, low), tones), blur=1.6))
        broad = (hair.deep, hair.middle, hair.light, hair.middle)
        coarse = Strands(240, (3, 10), (60, 120), broad, 3, 0.5, hair.gloss)
        draw_strands(canvas, spines, coarse, seed * 10)
        thin = (hair.dark, hair.light, hair.middle, hair.deep, hair.gloss)
        fine = Strands(560, (0.9, 2.4), (70, 150), thin, 4, 0.7, hair.gloss)
        draw_strands(canvas, spines, fine, seed * 10 + 1)
        _hairline(canvas, spines, hair, seed)
        draw_wisps(canvas, spines[::-1], hair, seed)
    canvas.drawOval(
        ellipse((446, 178), 54, 34), paint(hair.gloss, 70, blur=22, mode=skia.BlendMode.kSrcATop)
    )


def _hairline(
    canvas: skia.Canvas, spines: np.ndarray[tuple[int, ...], np.dtype[np.float64]], hair: HairTones,
    seed: int,
) -> None:  # fmt: skip
    """Fine hairs that begin a little way into the forehead."""
    rng = random.Random(seed + 40)
    for _ in range(330):
        place = rng.uniform(0, len(spines) - 1.001)
        i = int(place)
        spine = spines[i] + (spines[i + 1] - spines[i]) * (place - i)
        part = spine[: rng.randint(9, 18)]
        start = part[0] - (part[3] - part[0]) * rng.uniform(0.0, 0.9)
        part = np.concatenate([start[None], part])
        width = rng.uniform(0.8, 2.0) * np.sin(np.linspace(0.12, np.pi - 0.1, len(part)))
        tone = rng.choice([hair.middle, hair.light, hair.deep])
        canvas.drawPath(ribbon(part, width), paint(tone, rng.randint(90, 190)))


def _knot(canvas: skia.Canvas, hair: HairTones) -> None:
    """A soft coil of hair."""
    x, y = KNOT
    rx, ry = KNOT_SIZE
    light = radial((x - 26, y - 22), rx * 1.2, [hair.light, hair.middle, hair.dark])
    canvas.drawOval(ellipse(KNOT, rx, ry), paint(shader=light, blur=2))
    rng = random.Random(23)
    for _ in range(420):
        reach = rng.uniform(0.3, 1.02)
        start, sweep = rng.uniform(0, 6.28), rng.uniform(0.8, 2.4)
        steps = np.linspace(start, start + sweep, 14)
        coil = reach * (1 - 0.12 * (steps - start) / sweep)
        points = np.stack([x + rx * coil * np.cos(steps), y + ry * coil * np.sin(steps)], 1)
        width = rng.uniform(1.0, 3.6) * np.sin(np.linspace(0.1, math.pi - 0.1, len(points)))
        tone = rng.choice([hair.dark, hair.deep, hair.middle, hair.light, hair.gloss])
        canvas.drawPath(ribbon(points, width), paint(tone, rng.randint(60, 150), blur=0.6))
    canvas.drawOval(
        ellipse((x, y + ry + 8), rx, 26),
        paint(hair.dark, 130, blur=12, mode=skia.BlendMode.kSrcATop),
    )
