"""A short beard with a moustache, on the skin of the face."""

from __future__ import annotations

import math
import random

import skia

from renderer.drawing.brush import MIDLINE, Point, curve, paint, symmetric
from renderer.drawing.looks import Looks
from renderer.drawing.strands import HairTones

OUTER: list[Point] = [
    (176, 446), (172, 520), (163, 588), (142, 640), (106, 686), (60, 713), (0, 721),
]  # fmt: skip
INNER: list[Point] = [
    (0, 578), (30, 574), (62, 584), (84, 604), (96, 600), (118, 570), (140, 530), (152, 490),
    (160, 450),
]  # fmt: skip
BARE: list[Point] = [(0, 588), (17, 586), (42, 594), (64, 602), (45, 624), (22, 637), (0, 641)]
"""Right half of the lips, which no hair covers."""
HAIRS = 7000


def draw_beard(canvas: skia.Canvas, looks: Looks, hair: HairTones) -> None:
    """Moustache, chin and jaw; greyer on the chin."""
    outline = curve(symmetric([(MIDLINE + x, y) for x, y in [*INNER, *OUTER]]))
    lips = curve(symmetric([(MIDLINE + x, y) for x, y in BARE]))
    face = curve(symmetric([(MIDLINE + x, y) for x, y in looks.geometry.face]))
    canvas.save()
    canvas.clipPath(face, True)
    canvas.clipPath(lips, skia.ClipOp.kDifference, True)
    canvas.drawPath(outline, paint(hair.dark, 150, blur=8))
    canvas.drawPath(outline, paint(hair.deep, 60, blur=3))
    canvas.restore()
    rng = random.Random(17)
    for _ in range(HAIRS):
        x, y = rng.uniform(330, 694), rng.uniform(446, 730)
        stray = (rng.gauss(0, 3), rng.gauss(0, 3))
        inside = outline.contains(x, y) and not lips.contains(x + stray[0] / 2, y + stray[1] / 3)
        if inside:
            _hair(canvas, hair, (x + stray[0], y + stray[1]), rng)


def _hair(canvas: skia.Canvas, hair: HairTones, root: Point, rng: random.Random) -> None:
    x, y = root
    away = (x - MIDLINE) / 170
    angle = math.pi / 2 + away * 0.35 + rng.gauss(0, 0.4)
    if y < 592:
        angle = math.pi / 2 - math.copysign(0.7, away) + rng.gauss(0, 0.3)
    length = rng.uniform(4, 8)
    bend = rng.gauss(0, 2)
    tip: Point = (x + length * math.cos(angle), y + length * math.sin(angle))
    middle: Point = ((x + tip[0]) / 2 + bend, (y + tip[1]) / 2)
    grey = 0.22 * math.exp(-((x - MIDLINE) ** 2) / 60**2) * (y > 640) + 0.04
    tone = hair.gloss if rng.random() < grey else rng.choice([hair.dark, hair.deep, hair.middle])
    stroke = paint(tone, rng.randint(90, 190), stroke=rng.uniform(1.0, 1.7))
    canvas.drawPath(curve([(x, y), middle, tip], False), stroke)
