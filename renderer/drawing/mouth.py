"""Lips, teeth and tongue."""

from __future__ import annotations

from collections.abc import Sequence

import skia

from renderer.drawing.brush import MIDLINE, Point, curve, ellipse, linear, paint
from renderer.drawing.looks import Looks

TEETH_UPPER = (15.0, 12.4, 13.0, 11.5, 10.5, 10.0, 9.0, 8.0)
"""Widths of the upper teeth from the middle outwards."""
TEETH_LOWER = (9.6, 10.2, 11.2, 11.0, 11.0, 9.0)
ENAMEL = (253, 247, 236)
"""Red, green and blue of the front teeth."""
RECESS = (0.066, 0.085, 0.094)
"""Share of each that a tooth loses per place further back."""
UPPER_EDGE = 620.0
"""Height at which the upper front teeth end; behind the lips, 6 pixels below the seam."""
LOWER_EDGE = 616.0
"""Height at which the lower front teeth begin while the jaw is closed."""


def _mid(points: Sequence[Point]) -> list[Point]:
    return [(MIDLINE + x, y) for x, y in points]


def draw_lips(canvas: skia.Canvas, looks: Looks) -> None:
    """Both lips, closed."""
    g, tone = looks.geometry, looks.lips
    outline = _mid(g.upper_lip + g.lower_lip[-2:0:-1])
    canvas.drawPath(curve(outline), paint(tone("#c46d60"), 75, blur=5))
    _lower(canvas, looks, reach=0.0)
    _upper(canvas, looks)
    seam = curve(_mid(g.seam[1:-1]), False)
    canvas.drawPath(seam, paint(tone("#8a3532"), 120, stroke=4.5, blur=2.2))
    canvas.drawPath(curve(_mid(g.seam), False), paint(tone("#631f20"), 215, stroke=2.2, blur=0.8))
    for x in (-g.mouth_half, g.mouth_half):
        canvas.drawCircle(MIDLINE + x, g.seam[0][1], 3.6, paint(tone("#8a4135"), 125, blur=3.2))


def draw_lower_lip(canvas: skia.Canvas, looks: Looks) -> None:
    """The lower lip alone, with its wet inner side; over a face whose lips are drawn."""
    g, tone = looks.geometry, looks.lips
    _lower(canvas, looks, reach=14.0)
    inner = _mid([(x, y - 2.5) for x, y in g.seam[1:-1]])
    canvas.drawPath(curve(inner, False), paint(tone("#a8484a"), 130, stroke=5, blur=2.4))
    shine = _mid([(-24, 616), (-8, 618.5), (12, 618.5), (26, 616)])
    canvas.drawPath(curve(shine, False), paint(tone("#ffe0d8"), 110, stroke=2.4, blur=1.6))


def _upper(canvas: skia.Canvas, looks: Looks) -> None:
    g, tone = looks.geometry, looks.lips
    path = curve(_mid(g.upper_lip + g.seam[-2:0:-1]))
    canvas.drawPath(
        path, paint(shader=linear((0, 588), (0, 614), tone.all("#d9796e", "#c45f5a", "#a44746")))
    )
    canvas.save()
    canvas.clipPath(path, True)
    for x in (-20, 20):
        canvas.drawOval(ellipse((MIDLINE + x, 600), 13, 3.6), paint(tone("#eb9c90"), 105, blur=3))
    canvas.restore()
    canvas.drawPath(
        curve(_mid(g.upper_lip[1:-1]), False), paint(tone("#ffe6d6"), 95, stroke=2.2, blur=2.2)
    )


def _lower(canvas: skia.Canvas, looks: Looks, reach: float) -> None:
    """The lower lip; its upper edge lies ``reach`` pixels above the seam at the middle."""
    g, tone = looks.geometry, looks.lips
    half = g.mouth_half
    top = [(x, y - reach * (1 - (x / half) ** 2)) for x, y in g.seam]
    path = curve(_mid([*top, *g.lower_lip[-2:0:-1]]))
    canvas.drawPath(
        path,
        paint(
            shader=linear((0, 604), (0, 640), tone.all("#ab4a4b", "#cf6a63", "#de857b", "#c9695f"))
        ),
    )
    canvas.save()
    canvas.clipPath(path, True)
    canvas.drawOval(ellipse((506, 625), 27, 5.5), paint(tone("#ffd7cd"), 135, blur=4))
    canvas.drawOval(ellipse((500, 624), 11, 2.6), paint(tone("#ffffff"), 105, blur=2))
    canvas.restore()


def draw_upper_teeth(canvas: skia.Canvas) -> None:
    canvas.drawRect(skia.Rect.MakeLTRB(440, 576, 584, 598), paint("#b65c55"))
    x = 0.0
    for i, width in enumerate(TEETH_UPPER):
        lift = (0.0, 1.6, 0.5, 1.8, 2.6, 3.6, 4.6, 5.6)[i]
        _teeth(canvas, x, width, 592.0, UPPER_EDGE - lift, i)
        x += width
    canvas.drawRect(skia.Rect.MakeLTRB(440, 586, 584, 606), paint("#5a2424", 70, blur=5))


def draw_lower_teeth(canvas: skia.Canvas) -> None:
    canvas.drawRect(skia.Rect.MakeLTRB(446, 640, 578, 664), paint("#a95650"))
    x = 0.0
    for i, width in enumerate(TEETH_LOWER):
        drop = 0.22 * i * i
        _teeth(canvas, x, width, LOWER_EDGE + drop, 646.0, i + 1)
        x += width


def _teeth(
    canvas: skia.Canvas, x: float, width: float, top: float, bottom: float, place: int
) -> None:
    """A pair of teeth, the darker the further back its ``place``."""
    body, side, gap = (_enamel(place, light) for light in (1.0, 0.93, 0.80))
    for left in (MIDLINE + x, MIDLINE - x - width):
        right = left + width
        # Neighbours touch, so that no gaps look like holes.
        canvas.drawRect(skia.Rect.MakeLTRB(left, top + 3, right, bottom - 3), paint(gap))
        shader = linear((left, 0), (right, 0), [side, body, body, side], [0.0, 0.3, 0.7, 1.0])
        box = skia.Rect.MakeLTRB(left + 0.2, top, right - 0.2, bottom)
        canvas.drawRoundRect(box, 3.2, 3.6, paint(shader=shader))


def _enamel(place: int, light: float) -> str:
    taken = (1.0 - share * place for share in RECESS)
    return "#" + "".join(f"{int(c * t * light):02x}" for c, t in zip(ENAMEL, taken, strict=True))


def draw_tongue(canvas: skia.Canvas) -> None:
    """Tongue at rest on the floor of the mouth, its tip at the height of the TONGUE keypoint."""
    outline = [(-54, 690), (-47, 642), (-26, 622), (0, 618), (26, 622), (47, 642), (54, 690)]
    canvas.drawPath(
        curve(_mid(outline)), paint(shader=linear((0, 618), (0, 690), ["#dd857d", "#b95a59"]))
    )
    canvas.drawPath(
        curve(_mid([(0, 632), (1, 680)]), False), paint("#93403f", 110, stroke=5, blur=3)
    )
    canvas.drawOval(ellipse((504, 627), 20, 5), paint("#f6b9b0", 120, blur=4))
