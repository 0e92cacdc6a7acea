"""Backdrop, neck and clothes."""

from __future__ import annotations

import random

import numpy as np
import skia

from renderer.drawing.brush import (
    MIDLINE,
    PICTURE,
    Point,
    curve,
    ellipse,
    linear,
    paint,
    radial,
    ribbon,
    sampled,
    side,
    symmetric,
)
from renderer.drawing.skin import SIDES

NECK: list[Point] = [
    (84, 560), (83, 680), (80, 730), (86, 772), (112, 806), (160, 832), (230, 860), (230, 1040),
    (0, 1040),
]  # fmt: skip
SHOULDERS: list[Point] = [
    (96, 802),
    (150, 822),
    (236, 846),
    (318, 880),
    (384, 930),
    (432, 1010),
    (462, 1130),
]
NECKLINE: list[Point] = [(98, 776), (113, 804), (118, 836), (92, 880), (48, 908), (0, 917)]
CLOTH = ("#5b938f", "#42787a", "#2f5c62")


def draw_backdrop(canvas: skia.Canvas) -> None:
    """A bright room far out of focus."""
    canvas.drawPaint(
        paint(shader=linear((0, 0), (PICTURE, PICTURE), ["#e9e7e0", "#d3d8d5", "#b3bfc0"]))
    )
    canvas.drawRect(skia.Rect.MakeLTRB(-40, -60, 250, 640), paint("#fffaf0", 190, blur=52))
    canvas.drawRect(skia.Rect.MakeLTRB(82, -60, 106, 640), paint("#cfd2cb", 120, blur=14))
    canvas.drawRect(skia.Rect.MakeLTRB(-40, 296, 250, 318), paint("#cfd2cb", 110, blur=14))
    canvas.drawRect(skia.Rect.MakeLTRB(806, 120, 1080, 1040), paint("#93a3a2", 120, blur=44))
    for shelf in (330, 560):
        canvas.drawRect(
            skia.Rect.MakeLTRB(800, shelf, 1080, shelf + 18), paint("#7f8f8e", 110, blur=12)
        )
    books = ((838, "#c08f6e"), (872, "#e1d4bd"), (904, "#7d9a94"), (946, "#d9b48c"))
    for left, tone in books:
        canvas.drawRect(skia.Rect.MakeLTRB(left, 404, left + 26, 556), paint(tone, 120, blur=13))
    rng = random.Random(4)
    for _ in range(26):
        x, y = rng.gauss(70, 70), rng.gauss(800, 95)
        canvas.drawOval(
            ellipse((x, y), rng.uniform(26, 60), rng.uniform(16, 34)),
            paint(rng.choice(["#7fa083", "#5f8a6d", "#9db893"]), 70, blur=18),
        )
    canvas.drawCircle(930, 250, 46, paint("#fff0d2", 120, blur=16))
    canvas.drawPaint(paint(shader=radial((512, 430), 640, [("#ffffff", 80), ("#ffffff", 0)])))


def draw_neck(canvas: skia.Canvas) -> None:
    path = curve(symmetric([(MIDLINE + x, y) for x, y in NECK]))
    tones = ["#d99f82", "#f0c2a5", "#e6b395", "#c58668"]
    canvas.drawPath(path, paint(shader=linear((430, 0), (602, 0), tones, [0, 0.36, 0.62, 1])))
    canvas.save()
    canvas.clipPath(path, True)
    chin = [(-120, 600), (-92, 690), (-44, 744), (6, 760), (56, 744), (100, 690), (124, 600)]
    canvas.drawPath(curve(side(chin, 1)), paint("#9c5641", 140, blur=19))
    close = [(-110, 600), (-80, 690), (-36, 726), (4, 734), (46, 726), (90, 690), (114, 600)]
    canvas.drawPath(curve(side(close, 1)), paint("#7f4030", 105, blur=9))
    for s, strength in SIDES:
        muscle = side([(66, 700), (54, 772), (26, 842)], s)
        canvas.drawPath(
            curve(muscle, False), paint("#b97458", int(95 * strength), blur=9, stroke=12)
        )
        bone = side([(24, 862), (70, 850), (120, 836)], s)
        canvas.drawPath(curve(bone, False), paint("#b97458", 95, blur=6, stroke=8))
        lit = side([(30, 852), (76, 841), (124, 826)], s)
        canvas.drawPath(curve(lit, False), paint("#ffe9d8", 110, blur=5, stroke=7))
        hair_shade = side([(100, 640), (86, 720), (104, 800), (150, 830), (160, 700)], s)
        canvas.drawPath(curve(hair_shade), paint("#7c4231", 120, blur=12))
    canvas.drawOval(ellipse((512, 868), 13, 16), paint("#b97458", 70, blur=8))
    canvas.drawOval(ellipse((486, 800), 26, 44), paint("#ffeedd", 70, blur=16))
    canvas.restore()


def draw_clothes(canvas: skia.Canvas) -> None:
    """A fine-knit sweater with a ribbed neckline."""
    half = [*NECKLINE[::-1], *SHOULDERS[1:]]
    body = curve(symmetric([(MIDLINE + x, y) for x, y in half]))
    canvas.drawPath(body, paint(shader=linear((150, 800), (880, 1040), CLOTH)))
    canvas.save()
    canvas.clipPath(body, True)
    _folds(canvas)
    canvas.restore()
    _rib(canvas)


def _folds(canvas: skia.Canvas) -> None:
    for s, strength in SIDES:
        canvas.drawPath(
            curve(side([(120, 826), (220, 852), (320, 896)], s), False),
            paint("#9fc7c0", int(95 / strength), blur=12, stroke=16),
        )
        for fold in (
            [(190, 880), (230, 950), (236, 1040)],
            [(330, 930), (300, 980), (306, 1040)],
            [(100, 930), (150, 980), (170, 1040)],
        ):
            canvas.drawPath(
                curve(side(fold, s), False),
                paint("#1e444b", int(80 * strength), blur=10, stroke=12),
            )
        outer = side([(400, 930), (450, 1010), (470, 1060), (380, 1060)], s)
        canvas.drawPath(curve(outer), paint("#173840", int(120 * strength), blur=22))
        hair = side([(110, 800), (160, 812), (236, 836), (220, 868), (130, 850)], s)
        canvas.drawPath(curve(hair), paint("#12333a", 110, blur=14))


def _rib(canvas: skia.Canvas) -> None:
    """The ribbed band along the neckline."""
    half = [(MIDLINE + x, y + 6) for x, y in NECKLINE]
    spine = sampled([*half, *[(2 * MIDLINE - x, y) for x, y in half[-2::-1]]], 120)
    along = np.linspace(-1, 1, len(spine))
    width = 24.0 - 12.0 * np.abs(along) ** 8
    canvas.drawPath(ribbon(spine - [[0, 9]], width), paint("#6e3c2c", 90, blur=6))
    band = ribbon(spine, width)
    canvas.drawPath(band, paint(shader=linear((400, 800), (630, 930), ["#6ba39e", "#4b8483"])))
    canvas.save()
    canvas.clipPath(band, True)
    dense = sampled([(float(x), float(y)) for x, y in spine], 110)
    across = np.gradient(dense, axis=0)
    normal = np.stack([-across[:, 1], across[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for (x, y), (nx, ny) in zip(dense, normal, strict=True):
        canvas.drawLine(
            x - 13 * nx, y - 13 * ny, x + 13 * nx, y + 13 * ny, paint("#2c5a60", 70, stroke=2.0)
        )
    canvas.restore()
    canvas.drawPath(band, paint("#2a565c", 120, stroke=1.4, blur=0.8))
