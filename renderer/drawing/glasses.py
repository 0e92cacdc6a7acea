"""Glasses, in the layer in front of the face, so that they stay rigid while the face moves."""

from __future__ import annotations

import skia

from renderer.drawing.brush import MIDLINE, curve, linear, paint, side
from renderer.drawing.geometry import EYE_X, EYE_Y
from renderer.drawing.looks import Looks

LENS = [
    (-60, -20), (-36, -40), (6, -44), (46, -38), (66, -16), (64, 18), (40, 42), (2, 48),
    (-38, 38), (-60, 12),
]  # fmt: skip


def draw_glasses(canvas: skia.Canvas, looks: Looks, frame: str, lit: str) -> None:
    """A full frame of colour ``frame`` with ``lit`` edges, faint reflections on the lenses."""
    for s in (-1.0, 1.0):
        lens = curve([(MIDLINE + s * (EYE_X + x), EYE_Y + 4 + y) for x, y in LENS])
        canvas.save()
        canvas.clipPath(lens, True)
        x = MIDLINE + s * EYE_X
        canvas.drawPath(lens, paint("#ffffff", 14))
        glare = skia.Path()
        glare.addPoly(
            [skia.Point(x - 42, 400), skia.Point(x - 14, 400), skia.Point(x - 46, 500),
             skia.Point(x - 74, 500)], True,
        )  # fmt: skip
        canvas.drawPath(glare, paint("#ffffff", 26, blur=6))
        canvas.restore()
        canvas.save()
        canvas.translate(0, 6)
        canvas.drawPath(lens, paint(looks.skin("#743a2f"), 70, blur=5, stroke=7))
        canvas.restore()
        canvas.drawPath(lens, paint(frame, stroke=7.5))
        canvas.drawPath(lens, paint(lit, 120, stroke=1.8, blur=0.8))
        temple = side([(EYE_X + 66, EYE_Y - 12), (172, EYE_Y - 14)], s)
        canvas.drawPath(curve(temple, False), paint(frame, stroke=8))
        canvas.drawPath(curve(temple, False), paint(lit, 120, stroke=1.8, blur=0.8))
    bridge = [(MIDLINE - 25, EYE_Y - 14), (MIDLINE, EYE_Y - 22), (MIDLINE + 25, EYE_Y - 14)]
    shader = linear((490, 0), (534, 0), [frame, lit, frame])
    canvas.drawPath(curve(bridge, False), paint(shader=shader, stroke=6.5))
