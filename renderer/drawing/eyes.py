"""The eyes, in parts that the renderer puts together: ball, iris, glint, lid, lashes."""

from __future__ import annotations

import math
import random

import numpy as np
import skia

from renderer.drawing.brush import (
    MIDLINE,
    Point,
    curve,
    ellipse,
    linear,
    paint,
    radial,
    ribbon,
    sampled,
)
from renderer.drawing.geometry import EYE_X, EYE_Y
from renderer.drawing.looks import Looks


def _place(sign: float, points: list[Point]) -> list[Point]:
    return [(MIDLINE + sign * (EYE_X + x), EYE_Y + y) for x, y in points]


def draw_ball(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """White of the eye within the widest opening, with the wet rim of the lower lid."""
    cx = MIDLINE + sign * EYE_X
    raised = [(x, y - 9 * math.cos(x / 54 * math.pi / 2)) for x, y in looks.geometry.upper_lid]
    opening = curve(_place(sign, raised + list(looks.geometry.lower_lid[-2:0:-1])))
    canvas.drawPath(
        opening,
        paint(shader=linear((0, EYE_Y - 26), (0, EYE_Y + 18), ["#d8d0cd", "#fbf8f6", "#f3ebe8"])),
    )
    canvas.save()
    canvas.clipPath(opening, True)
    for x, strength in ((-50, 90), (54, 110)):
        canvas.drawOval(ellipse((cx + sign * x, EYE_Y), 18, 26), paint("#b58a80", strength, blur=9))
    canvas.drawOval(ellipse((cx - sign * 42, EYE_Y + 8), 7, 5), paint("#dc9186", 190, blur=2.5))
    waterline = curve(_place(sign, list(looks.geometry.lower_lid)), False)
    canvas.drawPath(waterline, paint("#6b3a34", 60, stroke=9, blur=3))
    canvas.drawPath(waterline, paint(looks.skin("#eeb8a8"), 210, stroke=4.6, blur=0.8))
    canvas.restore()


def draw_lower_rim(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """Wet rim and fine lashes of the lower lid; part of the face."""
    rim = _place(sign, [(x, y + 1) for x, y in looks.geometry.lower_lid[1:]])
    canvas.drawPath(curve(rim, False), paint(looks.skin("#e7a899"), 150, stroke=3.2, blur=1.2))
    line = sampled(_place(sign, [(x, y + 1.2) for x, y in looks.geometry.lower_lid]), 40)[8:37]
    along = np.linspace(0, 1, len(line))
    width = np.interp(along, [0, 0.7, 1], [0.2, 2.6, 0.8])
    canvas.drawPath(ribbon(line, width), paint(looks.skin("#7a4234"), 130, blur=0.9))
    rng = random.Random(5)
    for u, (x, y) in list(zip(along, line, strict=True))[8:]:
        length = (2.6 + 4.2 * u) * rng.uniform(0.85, 1.1) * looks.lash_length
        bend = (x + sign * length * 0.25 * u, y + length * 0.5)
        tip = (x + sign * length * (0.15 + 0.6 * u), y + length * 0.8)
        lash = curve([(float(x), float(y)), bend, tip], False)
        canvas.drawPath(lash, paint(looks.lash, 80, stroke=1.0))


def draw_iris(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """The iris with its pupil."""
    x, y = MIDLINE + sign * EYE_X, EYE_Y - 2
    r = looks.geometry.iris_radius
    canvas.drawCircle(x, y, r + 0.6, paint("#2a1710", 120, blur=1.6))
    canvas.drawCircle(
        x,
        y,
        r,
        paint(
            shader=radial(
                (x, y + 8),
                r * 1.08,
                looks.iris.rings,
                [0, 0.5, 0.84, 1],
            )
        ),
    )
    rng = random.Random(3)
    for _ in range(90):
        a, reach = rng.uniform(0, 2 * math.pi), rng.uniform(15, 21.5)
        canvas.drawLine(
            x + 9.5 * math.cos(a),
            y + 9.5 * math.sin(a),
            x + reach * math.cos(a),
            y + reach * math.sin(a),
            paint(rng.choice(looks.iris.flecks), 46, stroke=1.2),
        )
    canvas.drawCircle(x, y, 10, paint("#100807"))
    canvas.drawCircle(x, y, 10.5, paint("#1c0e08", 110, stroke=2, blur=1.2))
    canvas.drawCircle(x, y, r - 0.8, paint("#1d0f0a", 150, stroke=2.6, blur=1.1))


def draw_glint(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """Reflections of window and room; they stay while the iris moves."""
    cx = MIDLINE + sign * EYE_X
    canvas.drawOval(ellipse((cx - 7.5, EYE_Y - 8), 5.6, 6.2), paint("#ffffff", 240, blur=0.6))
    canvas.drawOval(ellipse((cx + 8.5, EYE_Y + 8), 3.4, 2.8), paint("#ffffff", 105, blur=1.0))


def _rim(looks: Looks, closed: bool) -> list[Point]:
    """Edge of the upper lid, as (outwards, down) from the centre of the eye."""
    profiles = looks.geometry.lid_profiles(60)
    inside = slice(6, 55)
    edge = profiles["closed" if closed else "open"][inside]
    return [(float(x), float(y)) for x, y in zip(profiles["x"][inside], edge, strict=True)]


def draw_lid(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """Skin of the upper lid from the crease to its edge, unfolded as when the eye is closed."""
    rim = _place(sign, _rim(looks, closed=True))
    crease = _place(sign, list(looks.geometry.crease))
    tones = looks.skin.all("#d9a084", "#efc3a8", "#e3ae92", "#d29a80")
    top, bottom = EYE_Y - 30, EYE_Y + 16
    shader = linear((0, top), (0, bottom), tones, [0, 0.3, 0.7, 1])
    canvas.drawPath(curve(crease + rim[::-1]), paint(shader=shader, blur=2.2))
    canvas.drawPath(
        curve(crease[1:], False), paint(looks.skin("#8f5341"), 150, stroke=2.5, blur=1.3)
    )


def draw_rim(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """Dark edge of the upper lid, at the open eye."""
    rim = np.array(_place(sign, _rim(looks, closed=False)))
    width = np.interp(np.linspace(0, 1, len(rim)), [0, 0.2, 0.6, 0.9, 1], [1.2, 3.4, 5.2, 5, 2])
    wing = rim[-1] + np.array([[sign * 4.0, -3.0]]) * looks.wing
    spine = np.concatenate([rim - np.stack([np.zeros(len(rim)), width * 0.3], 1), wing])
    canvas.drawPath(ribbon(spine, np.append(width, 0.8)), paint(looks.lash, 240, blur=0.7))


def draw_lashes_up(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """Lashes of the open eye and the shade that the lid casts on it."""
    shade = _place(sign, [(x, y + 4.5) for x, y in _rim(looks, closed=False)])
    canvas.drawPath(curve(shade, False), paint("#3a1d18", 100, stroke=9, blur=3.2))
    _lashes(canvas, looks, sign, closed=False)


def draw_lashes_down(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """Lashes of the closed eye."""
    _lashes(canvas, looks, sign, closed=True)


def _lashes(canvas: skia.Canvas, looks: Looks, sign: float, closed: bool) -> None:
    rim = _place(sign, _rim(looks, closed))
    turn = 1.0 if closed else -1.0
    for u in np.linspace(0.3, 0.985, 17):
        x, y = rim[int(u * (len(rim) - 1))]
        length = (5.0 + 9.5 * u * u) * looks.lash_length
        out = sign * length * (0.1 + 0.75 * u * u)
        tip = (x + out, y + turn * length * (0.78 - 0.25 * u))
        bend = (x + out * 0.35, y + turn * length * (0.45 if closed else 0.3))
        path = curve([(x, y), bend, tip], False)
        canvas.drawPath(path, paint(looks.lash, 205, stroke=1.5))
