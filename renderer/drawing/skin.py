"""The face: skin, nose, brows. Lit softly from the upper left of the picture."""

from __future__ import annotations

import random

import numpy as np
import skia

from renderer.drawing import geometry as g
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

LIGHT, BASE, WARM, SHADE, DEEP = "#ffe3cf", "#f5cdb3", "#e9b497", "#cf8f72", "#a9614b"
BLUSH = "#ec8f80"
SIDES = ((-1.0, 0.75), (1.0, 1.0))
"""Sign of each side of the picture and how strong its shadows are: the light is on the left."""


def face_outline() -> skia.Path:
    return curve(symmetric([(MIDLINE + x, y) for x, y in g.FACE]))


def draw_face(canvas: skia.Canvas) -> None:
    """Everything of the face but eyes and lips."""
    outline = face_outline()
    canvas.drawPath(
        outline,
        paint(shader=radial((486, 420), 340, [LIGHT, BASE, WARM, "#d9a083"], [0, 0.5, 0.84, 1])),
    )
    canvas.save()
    canvas.clipPath(outline, True)
    _form(canvas)
    _cheeks(canvas)
    _sockets(canvas)
    _nose(canvas)
    _around_mouth(canvas)
    canvas.restore()


def _form(canvas: skia.Canvas) -> None:
    """The turn of forehead, temples and jaw away from the light."""
    for s, strength in SIDES:
        rim = [(190, 250), (158, 380), (150, 480), (132, 590), (92, 660), (40, 706), (120, 730),
               (230, 600)]  # fmt: skip
        canvas.drawPath(curve(side(rim, s)), paint(SHADE, int(125 * strength), blur=24))
        jaw = [(182, 530), (140, 596), (104, 648), (56, 690), (20, 704), (90, 730), (190, 660)]
        canvas.drawPath(curve(side(jaw, s)), paint("#bd7459", int(95 * strength), blur=17))
        temple = [(176, 300), (140, 340), (142, 400), (176, 430)]
        canvas.drawPath(curve(side(temple, s)), paint(SHADE, int(90 * strength), blur=18))
    hairline = [(-170, 250), (-60, 226), (60, 222), (170, 250), (150, 180), (-150, 180)]
    canvas.drawPath(curve([(MIDLINE + x, y) for x, y in hairline]), paint("#b9744f", 95, blur=24))
    canvas.drawOval(ellipse((478, 316), 84, 44), paint("#fff3e6", 120, blur=30))
    canvas.drawOval(ellipse((508, 684), 30, 17), paint("#fff0e2", 105, blur=11))


def _cheeks(canvas: skia.Canvas) -> None:
    for s, strength in SIDES:
        canvas.drawOval(ellipse((MIDLINE + s * 104, 545), 48, 36), paint(BLUSH, 98, blur=24))
        canvas.drawOval(
            ellipse((MIDLINE + s * 100, 507), 37, 15),
            paint("#fff2e4", int(125 / strength), blur=14),
        )
        smile = side([(58, 562), (76, 582), (84, 604), (80, 622)], s)
        canvas.drawPath(curve(smile, False), paint("#c9836a", 62, blur=7, stroke=8))
        canvas.drawOval(ellipse((MIDLINE + s * 98, 590), 15, 22), paint("#ffe9d8", 60, blur=12))


def _sockets(canvas: skia.Canvas) -> None:
    for s, strength in SIDES:
        inner = [(22, 410), (52, 404), (104, 402), (142, 424), (120, 420), (80, 412), (48, 428),
                 (30, 462)]  # fmt: skip
        canvas.drawPath(curve(side(inner, s)), paint("#c07a62", int(100 * strength), blur=11))
        below = [(38, 466), (60, 482), (100, 486), (132, 468)]
        canvas.drawPath(curve(side(below, s), False), paint("#c78871", 58, blur=6, stroke=7))
        bone = [(62, 402), (96, 396), (128, 404)]
        canvas.drawPath(curve(side(bone, s), False), paint("#fff0e0", 110, blur=6, stroke=10))


def _nose(canvas: skia.Canvas) -> None:
    for s, strength in SIDES:
        wall = [(26, 404), (19, 446), (19, 490), (28, 522)]
        canvas.drawPath(
            curve(side(wall, s), False), paint("#c27b60", int(95 * strength), blur=8, stroke=12)
        )
        wing = [(33, 521), (40, 533), (37, 546), (27, 550)]
        canvas.drawPath(curve(side(wing, s), False), paint("#b0674f", 130, blur=3, stroke=3.6))
        nostril = [(6, 551), (14, 545), (25, 547), (20, 554), (11, 556)]
        canvas.drawPath(curve(side(nostril, s)), paint("#743a2f", 175, blur=2))
        canvas.drawOval(ellipse((MIDLINE + s * 29, 531), 8, 10), paint("#fbd3bb", 100, blur=5))
    under = [
        (-36, 549),
        (-18, 558),
        (0, 561),
        (18, 558),
        (36, 549),
        (26, 568),
        (0, 574),
        (-26, 568),
    ]
    canvas.drawPath(curve([(MIDLINE + x, y) for x, y in under]), paint("#b96b53", 95, blur=7))
    bridge = [(506, 398), (516, 398), (518, 480), (512, 516), (504, 480)]
    canvas.drawPath(curve(bridge), paint("#fff6ec", 150, blur=7))
    canvas.drawOval(ellipse((510, 526), 19, 15), paint("#ffece0", 150, blur=8))
    canvas.drawOval(ellipse((507, 519), 8, 6), paint("#ffffff", 150, blur=4))


def _around_mouth(canvas: skia.Canvas) -> None:
    for s, _ in SIDES:
        philtrum = [(6, 566), (7, 576), (11, 586)]
        canvas.drawPath(curve(side(philtrum, s), False), paint("#c57e67", 72, blur=4, stroke=5))
        corner = [(66, 596), (74, 603), (70, 612)]
        canvas.drawPath(curve(side(corner, s), False), paint("#b06a55", 85, blur=4, stroke=5))
    canvas.drawOval(ellipse((512, 649), 38, 9), paint("#b4664f", 105, blur=8))


def draw_brow(canvas: skia.Canvas, sign: float) -> None:
    """One brow of fine hairs, full at the inner end and tapering outwards."""
    spine = sampled([(MIDLINE + sign * (g.EYE_X + x), g.BROW_Y + y) for x, y in g.BROW], 60)
    along = np.linspace(0, 1, len(spine))
    width = np.interp(along, [0, 0.12, 0.5, 0.8, 1], [11, 15.5, 14.5, 9, 2])
    canvas.drawPath(ribbon(spine, width * 0.86), paint("#5d382a", 135, blur=3.0))
    rng = random.Random(7)
    for _ in range(260):
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
            paint(rng.choice(["#3a2018", "#50301f", "#6e452f"]), rng.randint(60, 125), stroke=1.3),
        )
