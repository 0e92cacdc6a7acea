"""The room behind: bright, still and out of focus."""

from __future__ import annotations

import random
from dataclasses import dataclass

import skia

from renderer.drawing.brush import PICTURE, ellipse, linear, paint, radial


@dataclass(frozen=True)
class Room:
    """Colours of a room."""

    wall: tuple[str, str, str] = ("#e9e7e0", "#d3d8d5", "#b3bfc0")
    window: tuple[str, int] = ("#fffaf0", 190)
    frame: str = "#cfd2cb"
    corner: str = "#93a3a2"
    shelf: str = "#7f8f8e"
    books: tuple[str, str, str, str] = ("#c08f6e", "#e1d4bd", "#7d9a94", "#d9b48c")
    leaves: tuple[str, ...] = ("#7fa083", "#5f8a6d", "#9db893")
    lamp: tuple[str, int] = ("#fff0d2", 120)
    glow: int = 80
    """Strength of the light behind the head."""


def draw_backdrop(canvas: skia.Canvas, room: Room) -> None:
    canvas.drawPaint(paint(shader=linear((0, 0), (PICTURE, PICTURE), room.wall)))
    canvas.drawRect(skia.Rect.MakeLTRB(-40, -60, 250, 640), paint(*room.window, blur=52))
    canvas.drawRect(skia.Rect.MakeLTRB(82, -60, 106, 640), paint(room.frame, 120, blur=14))
    canvas.drawRect(skia.Rect.MakeLTRB(-40, 296, 250, 318), paint(room.frame, 110, blur=14))
    canvas.drawRect(skia.Rect.MakeLTRB(806, 120, 1080, 1040), paint(room.corner, 120, blur=44))
    for shelf in (330, 560):
        canvas.drawRect(
            skia.Rect.MakeLTRB(800, shelf, 1080, shelf + 18), paint(room.shelf, 110, blur=12)
        )
    for left, tone in zip((838, 872, 904, 946), room.books, strict=True):
        canvas.drawRect(skia.Rect.MakeLTRB(left, 404, left + 26, 556), paint(tone, 120, blur=13))
    rng = random.Random(4)
    for _ in range(26):
        x, y = rng.gauss(70, 70), rng.gauss(800, 95)
        canvas.drawOval(
            ellipse((x, y), rng.uniform(26, 60), rng.uniform(16, 34)),
            paint(rng.choice(room.leaves), 70, blur=18),
        )
    canvas.drawCircle(930, 250, 46, paint(*room.lamp, blur=16))
    light = radial((512, 430), 640, [("#ffffff", room.glow), ("#ffffff", 0)])
    canvas.drawPaint(paint(shader=light))
