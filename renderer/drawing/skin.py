"""The face: skin, nose, brows, lines. Lit softly from the upper left of the picture."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import skia

from renderer.drawing.brush import (
    MIDLINE,
    Point,
    curve,
    ellipse,
    paint,
    radial,
    ribbon,
    sampled,
    side,
    symmetric,
)
from renderer.drawing.geometry import EYE_X
from renderer.drawing.looks import Looks

LIGHT, BASE, WARM, SHADE = "#ffe3cf", "#f5cdb3", "#e9b497", "#cf8f72"
BLUSH = "#ec8f80"
SIDES = ((-1.0, 0.75), (1.0, 1.0))
"""Sign of each side of the picture and the strength of its shadows; the light is on the left."""


def face_outline(looks: Looks) -> skia.Path:
    return curve(symmetric([(MIDLINE + x, y) for x, y in looks.geometry.face]))


def draw_face(canvas: skia.Canvas, looks: Looks) -> None:
    """Everything of the face but eyes and lips."""
    outline = face_outline(looks)
    tones = looks.skin.all(LIGHT, BASE, WARM, "#d9a083")
    canvas.drawPath(outline, paint(shader=radial((486, 420), 340, tones, [0, 0.5, 0.84, 1])))
    canvas.save()
    canvas.clipPath(outline, True)
    _form(canvas, looks)
    _cheeks(canvas, looks)
    _sockets(canvas, looks)
    _nose(canvas, looks)
    _around_mouth(canvas, looks)
    if looks.age:
        _lines(canvas, looks)
    canvas.restore()


def _form(canvas: skia.Canvas, looks: Looks) -> None:
    """Shading of forehead, temples and jaw where they turn away from the light."""
    tone, fitted = looks.skin, looks.geometry.fitted
    for s, strength in SIDES:
        rim = [(190, 250), (158, 380), (150, 480), (132, 590), (92, 660), (40, 706), (120, 730),
               (230, 600)]  # fmt: skip
        canvas.drawPath(
            curve(side(fitted(rim), s)), paint(tone(SHADE), int(125 * strength), blur=24)
        )
        jaw = [(182, 530), (140, 596), (104, 648), (56, 690), (20, 704), (90, 730), (190, 660)]
        canvas.drawPath(
            curve(side(fitted(jaw), s)), paint(tone("#bd7459"), int(95 * strength), blur=17)
        )
        temple = [(176, 300), (140, 340), (142, 400), (176, 430)]
        canvas.drawPath(
            curve(side(fitted(temple), s)), paint(tone(SHADE), int(90 * strength), blur=18)
        )
    hairline = [(-170, 250), (-60, 226), (60, 222), (170, 250), (150, 180), (-150, 180)]
    canvas.drawPath(
        curve([(MIDLINE + x, y) for x, y in hairline]), paint(tone("#b9744f"), 95, blur=24)
    )
    canvas.drawOval(ellipse((478, 316), 84, 44), paint(tone("#fff3e6"), 120, blur=30))
    canvas.drawOval(ellipse((508, 684), 30, 17), paint(tone("#fff0e2"), 105, blur=11))


def _cheeks(canvas: skia.Canvas, looks: Looks) -> None:
    tone = looks.skin
    for s, strength in SIDES:
        canvas.drawOval(
            ellipse((MIDLINE + s * 104, 545), 48, 36),
            paint(tone(BLUSH), int(98 * looks.blush), blur=24),
        )
        canvas.drawOval(
            ellipse((MIDLINE + s * 100, 507), 37, 15),
            paint(tone("#fff2e4"), int(125 / strength), blur=14),
        )
        smile = side([(58, 562), (76, 582), (84, 604), (80, 622)], s)
        canvas.drawPath(curve(smile, False), paint(tone("#c9836a"), 62, blur=7, stroke=8))
        canvas.drawOval(
            ellipse((MIDLINE + s * 98, 590), 15, 22), paint(tone("#ffe9d8"), 60, blur=12)
        )


def _sockets(canvas: skia.Canvas, looks: Looks) -> None:
    tone = looks.skin
    for s, strength in SIDES:
        inner = [(22, 410), (52, 404), (104, 402), (142, 424), (120, 420), (80, 412), (48, 428),
                 (30, 462)]  # fmt: skip
        canvas.drawPath(curve(side(inner, s)), paint(tone("#c07a62"), int(100 * strength), blur=11))
        below = [(38, 466), (60, 482), (100, 486), (132, 468)]
        canvas.drawPath(curve(side(below, s), False), paint(tone("#c78871"), 58, blur=6, stroke=7))
        bone = [(62, 402), (96, 396), (128, 404)]
        canvas.drawPath(curve(side(bone, s), False), paint(tone("#fff0e0"), 110, blur=6, stroke=10))


def _nose(canvas: skia.Canvas, looks: Looks) -> None:
    tone, wide = looks.skin, looks.nose_width
    for s, strength in SIDES:
        wall = [(26, 404), (19, 446), (19, 490), (28, 522)]
        canvas.drawPath(
            curve(side(_widened(wall, wide), s), False),
            paint(tone("#c27b60"), int(95 * strength), blur=8, stroke=12),
        )
        wing = [(33, 521), (40, 533), (37, 546), (27, 550)]
        canvas.drawPath(
            curve(side(_widened(wing, wide), s), False),
            paint(tone("#b0674f"), 130, blur=3, stroke=3.6),
        )
        nostril = [(6, 551), (14, 545), (25, 547), (20, 554), (11, 556)]
        canvas.drawPath(
            curve(side(_widened(nostril, wide), s)), paint(tone("#743a2f"), 175, blur=2)
        )
        canvas.drawOval(
            ellipse((MIDLINE + s * 29 * wide, 531), 8, 10), paint(tone("#fbd3bb"), 100, blur=5)
        )
    under = [(-36, 549), (-18, 558), (0, 561), (18, 558), (36, 549), (26, 568), (0, 574),
             (-26, 568)]  # fmt: skip
    canvas.drawPath(
        curve([(MIDLINE + x * wide, y) for x, y in under]), paint(tone("#b96b53"), 95, blur=7)
    )
    bridge = [(506, 398), (516, 398), (518, 480), (512, 516), (504, 480)]
    canvas.drawPath(curve(bridge), paint(tone("#fff6ec"), 150, blur=7))
    canvas.drawOval(ellipse((510, 526), 19 * wide, 15), paint(tone("#ffece0"), 150, blur=8))
    canvas.drawOval(ellipse((507, 519), 8, 6), paint(tone("#ffffff"), 150, blur=4))


def _widened(points: Sequence[Point], factor: float) -> list[Point]:
    return [(x * factor, y) for x, y in points]


def _around_mouth(canvas: skia.Canvas, looks: Looks) -> None:
    tone = looks.skin
    for s, _ in SIDES:
        philtrum = [(6, 566), (7, 576), (11, 586)]
        canvas.drawPath(
            curve(side(philtrum, s), False), paint(tone("#c57e67"), 72, blur=4, stroke=5)
        )
        corner = [(66, 596), (74, 603), (70, 612)]
        canvas.drawPath(curve(side(corner, s), False), paint(tone("#b06a55"), 85, blur=4, stroke=5))
    canvas.drawOval(ellipse((512, 649), 38, 9), paint(tone("#b4664f"), 105, blur=8))


def _lines(canvas: skia.Canvas, looks: Looks) -> None:
    """Lines of age: forehead, crow's feet, under the eyes, down from nose and mouth."""
    tone, age = looks.skin, looks.age

    def line(
        points: Sequence[Point], strength: float, width: float = 2.6, blur: float = 1.6
    ) -> None:
        shade = paint(tone("#a9614b"), int(strength * age), blur=blur, stroke=width)
        canvas.drawPath(curve(points, False), shade)
        lit = [(x, y + width * 1.3) for x, y in points]
        light = paint(tone("#fff0e0"), int(0.7 * strength * age), blur=blur + 0.6, stroke=width)
        canvas.drawPath(curve(lit, False), light)

    for y, half in ((296, 78), (322, 92), (346, 70)):
        line([(MIDLINE - half, y + 3), (MIDLINE - 24, y - 3), (MIDLINE + 30, y - 2),
              (MIDLINE + half, y + 4)], 62, 3.0, 2.4)  # fmt: skip
    for s, strength in SIDES:
        for end in ((156, 424), (160, 438), (157, 453)):
            line(side([(139, 440), (148, 438 + (end[1] - 438) * 0.6), end], s), 80)
        line(side([(42, 470), (62, 484), (92, 488), (122, 478)], s), 105 * strength)
        line(side([(48, 482), (68, 497), (96, 501)], s), 60 * strength)
        line(side([(44, 542), (62, 562), (78, 586), (84, 610)], s), 150 * strength, 3.4, 2.4)
        line(side([(74, 612), (80, 632), (78, 650)], s), 110 * strength, 3.0, 2.2)
        fold = side([(48, 540), (66, 560), (84, 588), (104, 566), (84, 540)], s)
        canvas.drawPath(curve(fold), paint(tone("#fff0e2"), int(70 * age), blur=8))
        line(side([(12, 392), (11, 404), (13, 414)], s), 70)
        for x in (9, 24, 40):
            line(side([(x, 584), (x * 1.05, 577)], s), 46, 1.6, 1.2)


def draw_brow(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """One brow of fine hairs, full at the inner end and tapering outwards."""
    brow, geometry = looks.brow, looks.geometry
    shape = [(MIDLINE + sign * (EYE_X + x), geometry.brow_y + y) for x, y in geometry.brow]
    spine = sampled(shape, 60)
    along = np.linspace(0, 1, len(spine))
    width = np.interp(along, [0, 0.12, 0.5, 0.8, 1], [11, 15.5, 14.5, 9, 2]) * brow.thickness
    canvas.drawPath(ribbon(spine, width * 0.86), paint(*brow.ground, blur=3.0))
    rng = random.Random(7)
    for _ in range(brow.hairs):
        u = rng.random()
        across = rng.uniform(-0.5, 0.5)
        i = int(u * (len(spine) - 1))
        x, y = spine[i]
        y += across * width[i]
        lean = 0.75 - 0.7 * u + 0.35 * across
        length = rng.uniform(8, 15) * (1.0 - 0.35 * u)
        tip: Point = (x + sign * length * (0.55 + 0.5 * u), y - length * lean)
        middle: Point = ((x + tip[0]) / 2 + sign, (y + tip[1]) / 2 - 1.0)
        canvas.drawPath(
            curve([(x, y), middle, tip], False),
            paint(rng.choice(brow.tones), rng.randint(60, 125), stroke=1.3),
        )
