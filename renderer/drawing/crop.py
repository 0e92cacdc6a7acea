"""Short, tightly curled hair close to the skull."""

from __future__ import annotations

import random

import skia

from renderer.drawing.brush import MIDLINE, Point, curve, ellipse, paint, symmetric
from renderer.drawing.looks import Looks
from renderer.drawing.strands import HairTones

SKULL: list[Point] = [
    (0, 118), (66, 123), (124, 152), (164, 208), (183, 286), (187, 366), (181, 424),
]  # fmt: skip
HAIRLINE: list[Point] = [
    (172, 476), (163, 440), (160, 396), (150, 356), (148, 316), (132, 284), (104, 268), (58, 258),
    (0, 254),
]  # fmt: skip
CURLS = 5200


def draw_crop(canvas: skia.Canvas, looks: Looks, hair: HairTones) -> None:
    """The hair before the face."""
    half = SKULL + HAIRLINE
    shape = curve(symmetric([(MIDLINE + x, y) for x, y in half]))
    line = [(MIDLINE + x, y) for x, y in HAIRLINE]
    line += [(2 * MIDLINE - x, y) for x, y in line[-2::-1]]
    shade = paint(looks.skin("#743a2f"), 110, blur=8, stroke=16)
    canvas.save()
    canvas.clipPath(curve(symmetric([(MIDLINE + x, y) for x, y in looks.geometry.face])), True)
    canvas.drawPath(curve(line, False), shade)
    canvas.restore()
    canvas.drawPath(shape, paint(hair.dark, blur=3.0))
    rng = random.Random(11)
    for _ in range(CURLS):
        x, y = rng.uniform(316, 708), rng.uniform(104, 486)
        if not shape.contains(x, y):
            continue
        _curl(canvas, hair, (x, y), rng)
    measure = skia.PathMeasure(shape, False)
    for _ in range(1500):
        at = measure.getPosTan(rng.uniform(0, measure.getLength()))[0]
        spread = 1.7
        _curl(
            canvas, hair, (at.x() + rng.gauss(0, spread), at.y() + rng.gauss(0, spread)), rng, 0.8
        )
    canvas.drawOval(
        ellipse((448, 176), 84, 38), paint(hair.gloss, 46, blur=22, mode=skia.BlendMode.kSrcATop)
    )
    canvas.drawOval(
        ellipse((660, 260), 60, 130), paint(hair.dark, 120, blur=30, mode=skia.BlendMode.kSrcATop)
    )


def _curl(
    canvas: skia.Canvas, hair: HairTones, centre: Point, rng: random.Random, size: float = 1.0
) -> None:
    """One curl: an arc, lighter where it faces the light, greyer towards the temples."""
    x, y = centre
    grey = max(0.0, abs(x - MIDLINE) / 190 - 0.62) * max(0.0, (y - 250) / 220) * 1.6
    facing = 0.5 - (x - 440) / 700 - (y - 170) / 900
    if rng.random() < grey:
        tone = hair.gloss
    else:
        tone = hair.middle if rng.random() < facing * 0.9 else rng.choice([hair.deep, hair.dark])
    r = rng.uniform(2.2, 4.4) * size
    start, sweep = rng.uniform(0, 360), rng.uniform(150, 300)
    canvas.drawArc(
        ellipse((x, y), r, r * rng.uniform(0.7, 1.0)), start, sweep, False,
        paint(tone, rng.randint(90, 190), stroke=rng.uniform(1.0, 1.9)),
    )  # fmt: skip
