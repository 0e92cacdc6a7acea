"""A fox: fur, ears, muzzle, teeth and chest. Its eyes are drawn like people's."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import skia

from renderer.drawing import eyes
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
    side,
    symmetric,
)
from renderer.drawing.geometry import EYE_X, EYE_Y
from renderer.drawing.looks import Looks
from renderer.drawing.skin import SIDES

EAR: list[Point] = [(62, 236), (92, 160), (140, 84), (184, 44), (204, 98), (206, 190), (172, 296)]
INNER_EAR: list[Point] = [(104, 226), (126, 160), (156, 106), (180, 78), (186, 140), (172, 250)]
MASK: list[Point] = [
    (0, 470), (16, 476), (30, 500), (64, 516), (104, 512), (150, 498), (196, 484), (260, 470),
    (260, 720), (0, 720),
]  # fmt: skip
"""Right half of the white fur on cheeks, muzzle and chin."""
NOSE: list[Point] = [(0, 507), (22, 508), (34, 517), (31, 532), (16, 546), (0, 551)]
FUR = ("#a94c17", "#c9621f", "#e07f34", "#ee9a4d", "#f9bd7c")
WHITE = ("#cdbba6", "#e6d9c8", "#f7efe4", "#fffaf2", "#ffffff")
DARK = ("#2b1a16", "#3a2520", "#4d322a")
HAIRS = 9000


def _half(points: Sequence[Point]) -> skia.Path:
    return curve(symmetric([(MIDLINE + x, y) for x, y in points]))


def draw_head(canvas: skia.Canvas, looks: Looks) -> None:
    """Ears, fur, muzzle and nose: the face without eyes, brows and lips."""
    for s, strength in SIDES:
        _ear(canvas, s, strength)
    head = _half(looks.geometry.face)
    mask = _half(MASK)
    light = [FUR[4], FUR[3], FUR[2], FUR[1]]
    canvas.drawPath(head, paint(shader=radial((486, 400), 340, light, [0, 0.4, 0.75, 1])))
    canvas.save()
    canvas.clipPath(head, True)
    canvas.drawPath(mask, paint(WHITE[2], blur=7))
    for s, strength in SIDES:
        rim = [(230, 280), (190, 380), (206, 470), (228, 560), (180, 640), (100, 690), (30, 712),
               (180, 740), (300, 560)]  # fmt: skip
        canvas.drawPath(curve(side(rim, s)), paint("#8d4a1e", int(95 * strength), blur=22))
        jaw = [(150, 600), (120, 640), (70, 684), (20, 700), (80, 730), (190, 660)]
        canvas.drawPath(curve(side(jaw, s)), paint("#a58466", int(120 * strength), blur=15))
        muzzle = [(46, 500), (70, 552), (84, 596), (76, 620)]
        canvas.drawPath(
            curve(side(muzzle, s), False), paint("#bda48a", int(105 * strength), blur=9, stroke=12)
        )
        socket = [(30, 430), (60, 398), (110, 396), (146, 430), (130, 474), (80, 482), (40, 466)]
        canvas.drawPath(curve(side(socket, s)), paint("#7b3510", int(110 * strength), blur=13))
    bridge = [(494, 300), (518, 300), (528, 420), (524, 500), (500, 500), (492, 420)]
    canvas.drawPath(curve(bridge), paint("#ffd9a8", 120, blur=12))
    canvas.restore()
    _fur(canvas, head, mask)
    _edge(canvas, head, mask)
    _nose(canvas)


def draw_lid(canvas: skia.Canvas, looks: Looks, sign: float) -> None:
    """The upper lid, with short fur."""
    eyes.draw_lid(canvas, looks, sign)
    rng = random.Random(19)
    x0, y0 = MIDLINE + sign * EYE_X, EYE_Y
    profiles = looks.geometry.lid_profiles(60)
    for _ in range(420):
        i, share = rng.randint(10, 50), rng.uniform(0.04, 0.86)
        top, bottom = float(profiles["crease"][i]), float(profiles["closed"][i])
        root = (x0 + sign * float(profiles["x"][i]), y0 + top + share * (bottom - top))
        _stroke(canvas, root, math.pi / 2 + rng.gauss(0, 0.3), rng.uniform(4, 9), False, rng, 0.8)


def _ear(canvas: skia.Canvas, s: float, strength: float) -> None:
    outer = curve(side(EAR, s))
    shades = [DARK[0], DARK[1], FUR[1], FUR[2]]
    canvas.drawPath(outer, paint(shader=linear((0, 50), (0, 260), shades, [0, 0.22, 0.5, 1])))
    inner = curve(side(INNER_EAR, s))
    tones = ["#4a2b24", "#a0604a", "#e3b59a"]
    canvas.drawPath(inner, paint(shader=linear((0, 80), (0, 250), tones), blur=2.5))
    rng = random.Random(3)
    for _ in range(150):
        u = rng.random()
        root = (96 + 96 * u, 262 - 30 * math.sin(u * math.pi) + rng.gauss(0, 8))
        tip = (root[0] + (0.5 - u) * -30 + 26 + rng.gauss(0, 7), root[1] - rng.uniform(50, 118))
        bend = ((root[0] + tip[0]) / 2 - 6, (root[1] + tip[1]) / 2)
        spine = sampled(side([root, bend, tip], s), 12)
        width = rng.uniform(2, 5) * np.linspace(1, 0.05, 12)
        tone = rng.choice([WHITE[2], WHITE[1], WHITE[3]])
        canvas.drawPath(ribbon(spine, width), paint(tone, int(rng.randint(60, 150) * 0.9)))
    canvas.drawPath(outer, paint(DARK[0], int(60 * strength), blur=2, stroke=3))


def _flow(x: float, y: float) -> float:
    """Direction in which the fur lies: away from the nose, down on the cheeks, up on the brow."""
    angle = math.atan2(y - 470, x - MIDLINE)
    if y > 520:
        angle = math.atan2(y - 500, (x - MIDLINE) * 1.6)
    return angle


def _fur(canvas: skia.Canvas, head: skia.Path, mask: skia.Path) -> None:
    rng = random.Random(9)
    canvas.save()
    canvas.clipPath(head, True)
    for _ in range(HAIRS):
        x, y = rng.uniform(260, 764), rng.uniform(190, 715)
        if not head.contains(x, y) or (abs(x - MIDLINE) < 40 and 500 < y < 560):
            continue
        white = mask.contains(x, y + rng.gauss(0, 7))
        near_mouth = abs(x - MIDLINE) < 80 and 575 < y < 645
        length = rng.uniform(5, 9) if near_mouth else rng.uniform(9, 19)
        _stroke(canvas, (x, y), _flow(x, y) + rng.gauss(0, 0.16), length, white, rng)
    canvas.restore()


def _edge(canvas: skia.Canvas, head: skia.Path, mask: skia.Path) -> None:
    """Tufts across the outline."""
    rng = random.Random(12)
    measure = skia.PathMeasure(head, False)
    for _ in range(900):
        at = measure.getPosTan(rng.uniform(0, measure.getLength()))[0]
        x, y = at.x(), at.y()
        angle = _flow(x, y) + 0.35 * math.copysign(1, x - MIDLINE) * (1 if y > 330 else 0)
        long = rng.uniform(10, 24) if 430 < y < 660 else rng.uniform(6, 12)
        start = (x - 6 * math.cos(angle), y - 6 * math.sin(angle))
        _stroke(canvas, start, angle + rng.gauss(0, 0.2), long, mask.contains(x, y), rng, 2.0)


def _stroke(
    canvas: skia.Canvas,
    root: Point,
    angle: float,
    length: float,
    white: bool,
    rng: random.Random,
    thick: float = 1.0,
) -> None:
    """One tapering hair; lit from the upper left."""
    x, y = root
    steps = np.linspace(0, 1, 7)
    turn = angle + steps * rng.gauss(0, 0.35)
    spine = np.stack([x + length * steps * np.cos(turn), y + length * steps * np.sin(turn)], 1)
    width = rng.uniform(1.0, 2.4) * thick * (1 - 0.95 * steps)
    lit = 0.5 - (x - 470) / 620 - (y - 420) / 1100
    ramp = WHITE if white else FUR
    index = int(np.clip(rng.gauss(1.2 + 2.4 * lit, 0.9), 0, 4))
    canvas.drawPath(ribbon(spine, width), paint(ramp[index], rng.randint(70, 150)))


def _nose(canvas: skia.Canvas) -> None:
    canvas.drawOval(ellipse((514, 552), 34, 12), paint("#8c6f58", 120, blur=7))
    line = [(512, 546), (512, 570), (511, 592)]
    canvas.drawPath(curve(line, False), paint(DARK[1], 190, stroke=3.2, blur=1.2))
    path = _half(NOSE)
    canvas.drawPath(path, paint(shader=linear((490, 506), (526, 550), ["#4c4044", "#1d1416"])))
    canvas.save()
    canvas.clipPath(path, True)
    for s, _ in SIDES:
        nostril = [(8, 536), (14, 529), (24, 530), (20, 538)]
        canvas.drawPath(curve(side(nostril, s)), paint("#0a0607", 210, blur=1.5))
    canvas.drawOval(ellipse((502, 516), 13, 5), paint("#ffffff", 150, blur=3.5))
    canvas.restore()
    rng = random.Random(6)
    for s, _ in SIDES:
        for _ in range(9):
            x, y = rng.uniform(38, 66), rng.uniform(560, 588)
            canvas.drawCircle(MIDLINE + s * x, y, 1.5, paint(DARK[2], 150, blur=0.6))


def draw_lips(canvas: skia.Canvas, looks: Looks) -> None:
    """The closed mouth: a dark line, the chin a little lighter below."""
    g = looks.geometry
    seam = [(MIDLINE + x, y) for x, y in g.seam]
    chin = [(x, y + 9) for x, y in seam[1:-1]]
    canvas.drawPath(curve(chin, False), paint("#b79c82", 120, stroke=8, blur=5))
    canvas.drawPath(curve(seam, False), paint("#6b4436", 150, stroke=6, blur=2.4))
    canvas.drawPath(curve(seam, False), paint(DARK[0], 225, stroke=3.0, blur=0.8))
    for x, y in (seam[0], seam[-1]):
        canvas.drawCircle(x, y, 3.4, paint(DARK[1], 170, blur=2.4))


def draw_lower_lip(canvas: skia.Canvas, looks: Looks) -> None:
    """The edge of the lower jaw, dark and moist inside, furred outside."""
    g = looks.geometry
    half = g.mouth_half
    raised = [(MIDLINE + x, y - 13 * (1 - (x / half) ** 2)) for x, y in g.seam]
    lower = [(MIDLINE + x, y) for x, y in g.lower_lip[-2:0:-1]]
    path = curve([*raised, *lower])
    canvas.save()
    canvas.clipPath(path, True)
    canvas.drawPath(path, paint(shader=linear((0, 588), (0, 606), ["#4a2a28", "#7b4c44"])))
    edge = [(MIDLINE + x, y + 2) for x, y in g.seam]
    fur = curve([*edge, (MIDLINE + half, 640), (MIDLINE - half, 640)])
    canvas.drawPath(fur, paint(shader=linear((0, 600), (0, 626), ["#e6d5c3", "#f7efe4"]), blur=1.5))
    canvas.restore()
    rng = random.Random(8)
    for _ in range(220):
        x = rng.uniform(-half + 14, half - 14)
        y = 613 + 9 * (1 - (x / half) ** 2) + rng.uniform(-4, 5)
        if path.contains(MIDLINE + x, y + 6):
            _stroke(canvas, (MIDLINE + x, y), math.pi / 2 + rng.gauss(0, 0.2), 6, True, rng)


def draw_upper_teeth(canvas: skia.Canvas) -> None:
    """Small incisors and a pair of canines."""
    canvas.drawRect(skia.Rect.MakeLTRB(444, 566, 580, 592), paint("#b9655c"))
    _row(canvas, (8, 8, 8, 13, 8, 9, 8), 584.0, (612, 611.5, 611, 623, 607, 606, 604))


def draw_lower_teeth(canvas: skia.Canvas) -> None:
    canvas.drawRect(skia.Rect.MakeLTRB(448, 636, 576, 662), paint("#ab5b53"))
    _row(canvas, (7, 7, 7, 11, 8, 8), 644.0, (611, 611.5, 612, 603, 614, 615))


def _row(canvas: skia.Canvas, widths: Sequence[float], root: float, tips: Sequence[float]) -> None:
    """Teeth from the middle outwards, from the height of their roots to their tips."""
    for s in (-1.0, 1.0):
        x = 0.0
        for i, (width, tip) in enumerate(zip(widths, tips, strict=True)):
            pointed = width > 10
            left, right = x + 0.4, x + width - 0.4
            middle = (left + right) / 2
            inset = 0.46 if pointed else 0.16
            before = tip + (root - tip) * (0.34 if pointed else 0.12)
            outline = [(left, root), (left, before), (left + width * inset, tip),
                       (right - width * inset, tip), (right, before), (right, root)]  # fmt: skip
            path = skia.Path()
            path.addPoly([skia.Point(MIDLINE + s * a, b) for a, b in outline], True)
            shade = 1.0 - 0.045 * i
            tone = "#" + "".join(f"{int(c * shade):02x}" for c in (252, 248, 238))
            ends = ((MIDLINE + s * left, 0), (MIDLINE + s * right, 0))
            canvas.drawPath(path, paint(shader=linear(*ends, [tone, "#d9d0c2"])))
            canvas.drawLine(
                MIDLINE + s * middle, root, MIDLINE + s * middle, before, paint("#ffffff", 60)
            )
            x += width


def draw_chest(canvas: skia.Canvas) -> None:
    """Neck, shoulders and the white of the chest."""
    body = [(0, 600), (112, 600), (126, 700), (140, 770), (196, 830), (286, 880), (358, 950),
            (402, 1040), (0, 1040)]  # fmt: skip
    path = _half(body)
    canvas.drawPath(path, paint(shader=linear((180, 700), (860, 1030), [FUR[3], FUR[2], FUR[0]])))
    ruff = _half([(0, 640), (96, 660), (118, 740), (132, 830), (104, 930), (60, 1040), (0, 1060)])
    canvas.save()
    canvas.clipPath(path, True)
    canvas.drawPath(ruff, paint(WHITE[2], blur=12))
    rng = random.Random(15)
    for _ in range(5200):
        x, y = rng.uniform(110, 914), rng.uniform(640, 1024)
        angle = math.pi / 2 - (x - MIDLINE) / 900 + rng.gauss(0, 0.2)
        _stroke(canvas, (x, y), angle, rng.uniform(14, 28), ruff.contains(x, y), rng, 1.3)
    shade = [(-190, 600), (-170, 690), (-90, 756), (0, 782), (90, 756), (170, 690), (190, 600)]
    canvas.drawPath(curve(side(shade, 1)), paint("#6e3f22", 150, blur=20))
    for s, strength in SIDES:
        outer = side([(330, 900), (390, 1000), (420, 1060), (320, 1060)], s)
        canvas.drawPath(curve(outer), paint("#6b2c0c", int(110 * strength), blur=24))
    canvas.restore()
    measure = skia.PathMeasure(path, False)
    for _ in range(500):
        at = measure.getPosTan(rng.uniform(0, measure.getLength()))[0]
        angle = math.pi / 2 - (at.x() - MIDLINE) / 500
        _stroke(canvas, (at.x(), at.y() - 5), angle, rng.uniform(10, 18), False, rng, 1.6)


def draw_scarf(canvas: skia.Canvas, tones: Sequence[str]) -> None:
    """A scarf in three ``tones`` from the brightest to the darkest, its end to one side."""
    light, middle, deep = tones
    end = [(566, 842), (612, 846), (640, 920), (652, 1000), (596, 1012), (578, 930)]
    canvas.drawPath(curve(end), paint("#3a2418", 110, blur=10))
    canvas.drawPath(curve(end), paint(shader=linear((560, 850), (650, 1000), [middle, deep])))
    band = [(-146, 742), (-152, 800), (-110, 852), (-40, 880), (40, 880), (110, 852), (152, 800),
            (146, 742), (100, 796), (40, 820), (-40, 820), (-100, 796)]  # fmt: skip
    shape = curve(side(band, 1))
    canvas.save()
    canvas.translate(0, 10)
    canvas.drawPath(shape, paint("#3a2418", 130, blur=10))
    canvas.restore()
    canvas.drawPath(shape, paint(shader=linear((360, 760), (660, 880), [light, middle, deep])))
    canvas.save()
    canvas.clipPath(shape, True)
    for dy in (14, 30, 46):
        fold = [(-150, 742 + dy), (-100, 800 + dy), (0, 822 + dy), (100, 800 + dy), (150, 742 + dy)]
        canvas.drawPath(curve(side(fold, 1), False), paint(deep, 120, stroke=4, blur=3))
    canvas.restore()
    knot = [(560, 836), (600, 828), (626, 850), (612, 882), (574, 884), (552, 862)]
    canvas.drawPath(curve(knot), paint("#3a2418", 90, blur=6))
    canvas.drawPath(curve(knot), paint(shader=linear((556, 836), (620, 884), [light, middle])))


def draw_tuft(canvas: skia.Canvas) -> None:
    """A tuft on the crown, before the face."""
    rng = random.Random(21)
    for _ in range(170):
        u = rng.gauss(0, 0.4)
        root = (MIDLINE + 46 * u, 238 + rng.uniform(-6, 22) - 12 * abs(u))
        tip = (root[0] + 34 * u + rng.gauss(0, 9), root[1] - rng.uniform(46, 96) * (1.1 - abs(u)))
        bend = ((root[0] + tip[0]) / 2 - 7, (root[1] + tip[1]) / 2)
        spine = sampled([root, bend, tip], 12)
        along = np.linspace(0, 1, 12)
        width = rng.uniform(3, 7) * np.minimum(0.3 + along * 4, 1) * (1 - 0.96 * along)
        tone = rng.choice([FUR[1], FUR[2], FUR[3], FUR[4]])
        canvas.drawPath(ribbon(spine, width), paint(tone, rng.randint(110, 200), blur=0.6))
