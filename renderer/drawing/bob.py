"""A long bob parted at one side, in a layer before the face and one behind the neck."""

from __future__ import annotations

import skia

from renderer.drawing.brush import curve, ellipse, paint
from renderer.drawing.strands import (
    Guide,
    HairTones,
    Strands,
    draw_mass,
    draw_strands,
    draw_tips,
    draw_wisps,
    spines_of,
)

SHEEN = ((398, 210, 74, 52, 62), (690, 240, 30, 60, 34), (300, 520, 20, 90, 30))
"""Broad highlights: x, y, half width, half height, opacity."""

LEFT_FRONT: list[Guide] = [
    [(579, 232), (536, 243), (470, 272), (412, 316), (371, 368), (349, 430), (341, 500),
     (336, 580), (338, 664), (356, 740), (398, 784)],
    [(577, 206), (520, 202), (440, 228), (378, 282), (342, 350), (324, 430), (315, 510),
     (306, 590), (302, 670), (316, 742), (360, 792)],
    [(574, 166), (502, 148), (420, 170), (356, 228), (318, 310), (303, 400), (296, 490),
     (285, 580), (276, 668), (288, 748), (336, 800)],
    [(568, 104), (486, 92), (404, 114), (338, 178), (298, 264), (282, 360), (276, 460),
     (264, 560), (252, 660), (262, 744), (314, 802)],
]  # fmt: skip
RIGHT_FRONT: list[Guide] = [
    [(580, 232), (610, 246), (642, 284), (664, 336), (677, 400), (683, 470), (688, 550),
     (690, 630), (684, 700), (660, 756), (630, 780)],
    [(579, 206), (620, 210), (664, 252), (694, 316), (708, 396), (712, 480), (718, 560),
     (724, 640), (720, 712), (694, 770), (654, 796)],
    [(577, 166), (632, 158), (690, 198), (722, 278), (734, 372), (736, 470), (744, 566),
     (754, 652), (748, 726), (718, 782), (676, 806)],
    [(571, 104), (636, 103), (704, 146), (742, 236), (754, 340), (756, 450), (764, 556),
     (778, 650), (772, 734), (738, 792), (694, 812)],
]  # fmt: skip
BACK: list[Guide] = [
    # It starts well behind the head, as its top does not follow when the head turns and tilts.
    [(400, 370), (352, 450), (314, 540), (288, 650), (296, 750), (346, 800)],
    [(424, 330), (388, 440), (364, 540), (353, 660), (366, 756), (408, 806)],
    [(440, 300), (430, 420), (426, 540), (424, 660), (430, 750), (446, 806)],
    [(512, 300), (512, 420), (512, 540), (512, 640), (512, 730), (512, 800)],
    [(584, 300), (594, 420), (598, 540), (600, 660), (594, 750), (578, 806)],
    [(600, 330), (636, 440), (660, 540), (671, 660), (658, 756), (616, 806)],
    [(624, 370), (672, 450), (710, 540), (738, 650), (728, 750), (676, 804)],
]  # fmt: skip


def draw_back(canvas: skia.Canvas, hair: HairTones) -> None:
    """Hair behind the neck."""
    spines = spines_of(BACK)
    draw_mass(canvas, spines, 0.90, ["#2a160f", "#2b170f", "#1d0f0a"])
    draw_strands(
        canvas, spines, Strands(240, (3, 10), (50, 110), (hair.dark, hair.deep, hair.deep), 5), 31
    )
    draw_strands(
        canvas,
        spines,
        Strands(240, (1, 2.4), (50, 100), (hair.deep, hair.middle, hair.dark), 8),
        32,
    )


def draw_front(canvas: skia.Canvas, hair: HairTones) -> None:
    """Hair before the face: what falls to both sides of the parting."""
    parting = curve([(570, 108), (574, 150), (577, 200), (580, 230)], False)
    canvas.drawPath(parting, paint(hair.deep, stroke=11, blur=1.5))
    for seed, guides in ((1, LEFT_FRONT), (2, RIGHT_FRONT)):
        spines = spines_of(guides)
        edge = curve([(float(x), float(y)) for x, y in spines[0][:34]], False)
        canvas.drawPath(edge, paint("#6d3a24", 120, blur=9, stroke=13))
        draw_mass(canvas, spines, 0.90, [hair.middle, hair.deep, hair.dark])
        draw_tips(canvas, spines, hair, seed * 10 + 2)
        coarse = Strands(
            260, (4, 13), (55, 120), (hair.deep, hair.middle, hair.dark, hair.middle), 4, 0.55
        )
        draw_strands(canvas, spines, coarse, seed * 10)
        fine = Strands(
            520,
            (1.0, 3.0),
            (60, 130),
            (hair.deep, hair.light, hair.middle, hair.dark, hair.light),
            6,
            0.8,
        )
        draw_strands(canvas, spines, fine, seed * 10 + 1)
        draw_wisps(canvas, spines, hair, seed)
    on_hair = skia.BlendMode.kSrcATop
    for x, y, rx, ry, alpha in SHEEN:
        canvas.drawOval(ellipse((x, y), rx, ry), paint(hair.gloss, alpha, blur=26, mode=on_hair))
    canvas.drawPath(parting, paint(hair.dark, 150, stroke=5, blur=3.5, mode=on_hair))
