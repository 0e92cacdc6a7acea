"""Ears, for hair that leaves them free."""

from __future__ import annotations

import skia

from renderer.drawing.brush import MIDLINE, Point, curve, ellipse, linear, paint, side
from renderer.drawing.looks import Looks
from renderer.drawing.skin import SIDES

EAR: list[Point] = [
    (158, 436), (174, 416), (193, 414), (203, 434), (202, 470), (194, 506), (182, 534),
    (168, 544), (156, 528),
]  # fmt: skip


def draw_ears(canvas: skia.Canvas, looks: Looks) -> None:
    """Both ears; the face is drawn over their inner edges."""
    tone, fitted = looks.skin, looks.geometry.fitted
    for s, strength in SIDES:
        path = curve(side(fitted(EAR), s))
        ends = ((MIDLINE + s * 150, 0), (MIDLINE + s * 206, 0))
        shader = linear(*ends, tone.all("#c98a6e", "#e9b497"))
        canvas.drawPath(path, paint(shader=shader))
        canvas.save()
        canvas.clipPath(path, True)
        bowl = fitted([(170, 446), (184, 440), (190, 462), (184, 496), (172, 516), (166, 480)])
        canvas.drawPath(curve(side(bowl, s)), paint(tone("#a9614b"), int(210 * strength), blur=5))
        rim = fitted([(170, 428), (186, 424), (196, 440), (194, 476), (186, 508)])
        canvas.drawPath(
            curve(side(rim, s), False),
            paint(tone("#fbd3bb"), int(150 / strength), blur=3, stroke=5),
        )
        fold = fitted([(168, 436), (182, 434), (189, 450), (186, 480)])
        canvas.drawPath(
            curve(side(fold, s), False), paint(tone("#743a2f"), 150, blur=2, stroke=3.4)
        )
        lobe_x, lobe_y = fitted([(174, 528)])[0]
        canvas.drawOval(
            ellipse((MIDLINE + s * lobe_x, lobe_y), 9, 9), paint(tone("#f5cdb3"), 90, blur=4)
        )
        canvas.restore()


def draw_pearls(canvas: skia.Canvas, looks: Looks) -> None:
    """A pearl in each lobe."""
    for s, _ in SIDES:
        x, y = looks.geometry.fitted([(178, 546)])[0]
        x = MIDLINE + s * x
        canvas.drawCircle(x, y + 2, 9, paint("#5b4038", 90, blur=4))
        canvas.drawCircle(x, y, 8.5, paint("#e9e2d8"))
        canvas.drawCircle(x + 2, y + 3, 6, paint("#b9aea6", 120, blur=3))
        canvas.drawCircle(x - 2.5, y - 3, 2.6, paint("#ffffff", 230, blur=0.8))
