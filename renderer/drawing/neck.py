"""Neck and upper chest."""

from __future__ import annotations

import skia

from renderer.drawing.brush import MIDLINE, Point, curve, ellipse, linear, paint, side, symmetric
from renderer.drawing.looks import Looks
from renderer.drawing.skin import SIDES

NECK: list[Point] = [
    (84, 560), (83, 680), (80, 730), (86, 772), (112, 806), (160, 832), (230, 860), (230, 1040),
    (0, 1040),
]  # fmt: skip


def draw_neck(canvas: skia.Canvas, looks: Looks, hair_shade: bool = False) -> None:
    """The neck in the shade of the chin, and of hair that falls beside it."""
    tone, wide = looks.skin, looks.neck_width
    outline = [(x * wide if y < 800 else x, y) for x, y in NECK]
    path = curve(symmetric([(MIDLINE + x, y) for x, y in outline]))
    tones = tone.all("#d99f82", "#f0c2a5", "#e6b395", "#c58668")
    edges = (MIDLINE - 82 * wide, 0), (MIDLINE + 90 * wide, 0)
    canvas.drawPath(path, paint(shader=linear(*edges, tones, [0, 0.36, 0.62, 1])))
    canvas.save()
    canvas.clipPath(path, True)
    chin = [(-120, 600), (-92, 690), (-44, 744), (6, 760), (56, 744), (100, 690), (124, 600)]
    canvas.drawPath(curve(side(chin, 1)), paint(tone("#9c5641"), 140, blur=19))
    close = [(-110, 600), (-80, 690), (-36, 726), (4, 734), (46, 726), (90, 690), (114, 600)]
    canvas.drawPath(curve(side(close, 1)), paint(tone("#7f4030"), 105, blur=9))
    for s, strength in SIDES:
        muscle = side([(66, 700), (54, 772), (26, 842)], s)
        canvas.drawPath(
            curve(muscle, False), paint(tone("#b97458"), int(95 * strength), blur=9, stroke=12)
        )
        bone = side([(24, 862), (70, 850), (120, 836)], s)
        canvas.drawPath(curve(bone, False), paint(tone("#b97458"), 95, blur=6, stroke=8))
        lit = side([(30, 852), (76, 841), (124, 826)], s)
        canvas.drawPath(curve(lit, False), paint(tone("#ffe9d8"), 110, blur=5, stroke=7))
        if hair_shade:
            shade = side([(100, 640), (86, 720), (104, 800), (150, 830), (160, 700)], s)
            canvas.drawPath(curve(shade), paint(tone("#7c4231"), 120, blur=12))
    canvas.drawOval(ellipse((512, 868), 13, 16), paint(tone("#b97458"), 70, blur=8))
    canvas.drawOval(ellipse((486, 800), 26, 44), paint(tone("#ffeedd"), 70, blur=16))
    canvas.restore()
