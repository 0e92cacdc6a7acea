"""Clothes."""

from __future__ import annotations

import numpy as np
import skia

from renderer.drawing.brush import (
    MIDLINE,
    Point,
    curve,
    linear,
    paint,
    ribbon,
    sampled,
    side,
    symmetric,
)
from renderer.drawing.skin import SIDES
from renderer.drawing.tones import Tones

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
TEAL = ("#12333a", "#1e444b", "#2f5c62", "#42787a", "#5b938f", "#9fc7c0", "#ffffff")
"""Colours of the cloth that the drawing is written for, from shadow to light."""
TEAL_CLOTH = Tones(TEAL, TEAL)


def draw_sweater(canvas: skia.Canvas, cloth: Tones = TEAL_CLOTH, hair_shade: bool = False) -> None:
    """A fine-knit sweater with a ribbed neckline."""
    half = [*NECKLINE[::-1], *SHOULDERS[1:]]
    body = curve(symmetric([(MIDLINE + x, y) for x, y in half]))
    _body(canvas, body, cloth, hair_shade)
    _rib(canvas, cloth)


def draw_shirt(canvas: skia.Canvas, cloth: Tones) -> None:
    """A shirt with an open collar over a white crew neck."""
    crew = [(0, 868), (52, 858), (92, 826), (106, 790), (120, 830), (118, 960), (0, 1010)]
    white = paint(shader=linear((400, 800), (620, 960), ["#f4f2ee", "#dcdad6"]))
    inner = curve(symmetric([(MIDLINE + x, y) for x, y in crew]))
    canvas.drawPath(inner, white)
    hem = [(106, 790), (90, 828), (50, 860), (0, 870)]
    band = [(MIDLINE + x, y) for x, y in hem]
    band += [(2 * MIDLINE - x, y) for x, y in band[-2::-1]]
    canvas.drawPath(curve(band, False), paint("#8d8a86", 120, stroke=3, blur=1.5))
    lower = [(x, y + 13) for x, y in band]
    canvas.drawPath(curve(lower, False), paint("#a8a5a0", 110, stroke=2, blur=0.8))
    half = [(0, 1040), (26, 985), (66, 900), (112, 812), (100, 776), *SHOULDERS[1:]]
    for s in (-1.0, 1.0):
        panel = curve([*side(half, s), (MIDLINE, 1130)])
        canvas.drawPath(panel, paint("#2a2a2a", 90, blur=10))
    for s in (-1.0, 1.0):
        _body(canvas, curve([*side(half, s), (MIDLINE, 1130)]), cloth, hair_shade=False)
    canvas.drawLine(512, 1024, 516, 1030, paint(cloth(TEAL[1]), 160, stroke=2))
    for s, strength in SIDES:
        flap = [(100, 760), (116, 786), (148, 818), (132, 872), (92, 936), (60, 890), (92, 826)]
        path = skia.Path()
        path.addPoly([skia.Point(*p) for p in side(flap, s)], True)
        canvas.drawPath(path, paint(cloth(TEAL[0]), int(120 * strength), blur=9))
        ends = ((MIDLINE + s * 70, 800), (MIDLINE + s * 130, 930))
        canvas.drawPath(path, paint(shader=linear(*ends, cloth.all(TEAL[4], TEAL[3]))))
        edge = side([(59, 890), (92, 936), (132, 872)], s)
        stitched = skia.Path()
        stitched.addPoly([skia.Point(x, y) for x, y in edge], False)
        canvas.drawPath(stitched, paint(cloth(TEAL[1]), 170, stroke=2, blur=0.8))


def _body(canvas: skia.Canvas, body: skia.Path, cloth: Tones, hair_shade: bool) -> None:
    """Cloth over the shoulders."""
    lit = cloth.all(*TEAL[4:1:-1])
    canvas.drawPath(body, paint(shader=linear((150, 800), (880, 1040), lit)))
    canvas.save()
    canvas.clipPath(body, True)
    _folds(canvas, cloth, hair_shade)
    canvas.restore()


def _folds(canvas: skia.Canvas, cloth: Tones, hair_shade: bool) -> None:
    for s, strength in SIDES:
        canvas.drawPath(
            curve(side([(120, 826), (220, 852), (320, 896)], s), False),
            paint(cloth("#9fc7c0"), int(95 / strength), blur=12, stroke=16),
        )
        for fold in (
            [(190, 880), (230, 950), (236, 1040)],
            [(330, 930), (300, 980), (306, 1040)],
            [(100, 930), (150, 980), (170, 1040)],
        ):
            canvas.drawPath(
                curve(side(fold, s), False),
                paint(cloth("#1e444b"), int(80 * strength), blur=10, stroke=12),
            )
        outer = side([(400, 930), (450, 1010), (470, 1060), (380, 1060)], s)
        canvas.drawPath(curve(outer), paint(cloth("#173840"), int(120 * strength), blur=22))
        if not hair_shade:
            continue
        hair = side([(110, 800), (160, 812), (236, 836), (220, 868), (130, 850)], s)
        canvas.drawPath(curve(hair), paint(cloth("#12333a"), 110, blur=14))


def _rib(canvas: skia.Canvas, cloth: Tones) -> None:
    """The ribbed band along the neckline."""
    half = [(MIDLINE + x, y + 6) for x, y in NECKLINE]
    spine = sampled([*half, *[(2 * MIDLINE - x, y) for x, y in half[-2::-1]]], 120)
    along = np.linspace(-1, 1, len(spine))
    width = 24.0 - 12.0 * np.abs(along) ** 8
    canvas.drawPath(ribbon(spine - [[0, 9]], width), paint("#6e3c2c", 90, blur=6))
    band = ribbon(spine, width)
    canvas.drawPath(
        band, paint(shader=linear((400, 800), (630, 930), cloth.all("#6ba39e", "#4b8483")))
    )
    canvas.save()
    canvas.clipPath(band, True)
    dense = sampled([(float(x), float(y)) for x, y in spine], 110)
    across = np.gradient(dense, axis=0)
    normal = np.stack([-across[:, 1], across[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for (x, y), (nx, ny) in zip(dense, normal, strict=True):
        canvas.drawLine(
            x - 13 * nx,
            y - 13 * ny,
            x + 13 * nx,
            y + 13 * ny,
            paint(cloth("#2c5a60"), 70, stroke=2.0),
        )
    canvas.restore()
    canvas.drawPath(band, paint(cloth("#2a565c"), 120, stroke=1.4, blur=0.8))
