"""Ruth: a woman of about seventy, silver hair up in a knot, glasses and pearls."""

from __future__ import annotations

import skia

from renderer.drawing import clothes, ears, skin
from renderer.drawing.backdrop import Room
from renderer.drawing.geometry import Geometry
from renderer.drawing.glasses import draw_glasses
from renderer.drawing.looks import Brow, Iris, Looks
from renderer.drawing.sitter import Sitter, draw_features, eyes_and_mouth, in_room
from renderer.drawing.strands import HairTones
from renderer.drawing.tones import LIGHT_SKIN, ROSE_LIPS, Tones
from renderer.drawing.updo import draw_updo
from renderer.relief import Relief

LOOKS = Looks(
    geometry=Geometry(
        face=(
            (0, 190), (70, 196), (128, 228), (161, 300), (170, 380), (172, 450), (168, 520),
            (158, 584), (137, 638), (100, 682), (56, 706), (0, 712),
        ),
        upper_lid=(
            (-46, 9), (-34, -4), (-14, -13), (8, -15), (28, -10), (42, -1), (50, 6),
        ),
        lower_lid=((-46, 9), (-30, 13.5), (-8, 15.5), (14, 15.5), (34, 12), (50, 6)),
        crease=((-44, -4), (-30, -16), (-8, -24), (14, -25), (36, -16), (54, 0)),
        lid_travel=30.0,
        iris_radius=22.0,
        upper_lip=((-64, 602), (-40, 598), (-16, 593.5), (0, 596), (16, 593.5), (40, 598),
                   (64, 602)),
        lower_lip=((-64, 602), (-46, 618), (-22, 629), (0, 632), (22, 629), (46, 618), (64, 602)),
        seam=(
            (-64, 602), (-48, 607), (-26, 610), (-10, 611), (0, 612), (10, 611), (26, 610),
            (48, 607), (64, 602),
        ),
        brow=((-50, 6), (-22, -4), (14, -9), (42, -4), (60, 10)),
        brow_y=386.0,
        jaw_y=691.0,
    ),
    skin=Tones(
        LIGHT_SKIN,
        ("#35150f", "#7c4338", "#ae6c5b", "#d39c86", "#eabfa8", "#f5d3bf", "#ffe8d9", "#ffffff"),
    ),
    lips=Tones(
        ROSE_LIPS, ("#692b30", "#a35156", "#bd6a6c", "#cf8681", "#e2a59b", "#fbe3d8", "#ffffff")
    ),
    iris=Iris(("#a9c3cf", "#6f93a8", "#3f5f76", "#24394a"), ("#d6e4ea", "#38566b")),
    brow=Brow(("#77726f", "#8f8a86", "#6a625d"), ("#8d847d", 110), 0.8, 190),
    lash="#4a3a35",
    lash_length=0.7,
    wing=0.5,
    blush=0.85,
    age=1.0,
    neck_width=1.1,
)  # fmt: skip
HAIR = HairTones("#6c6e74", "#8d8f95", "#b1b3b8", "#d6d8dc", "#f7f8fa")
PLUM = ("#2a1430", "#41234a", "#5b3563", "#77497d", "#946398", "#d3b2d4", "#ffffff")
ROOM = Room(
    wall=("#f3e9da", "#e5d3bb", "#c9b195"),
    window=("#fffdf4", 200),
    frame="#e0cfb6",
    corner="#a98d6d",
    shelf="#9a7c5b",
    books=("#8c5a4a", "#d9c7a3", "#5e7466", "#b98a5a"),
    leaves=("#8ea36d", "#6f8a55", "#b3bf8e"),
    lamp=("#ffe9b8", 170),
    glow=70,
)


def _dress(canvas: skia.Canvas) -> None:
    clothes.draw_sweater(canvas, Tones(clothes.TEAL, PLUM))


def _face(canvas: skia.Canvas) -> None:
    ears.draw_ears(canvas, LOOKS)
    skin.draw_face(canvas, LOOKS)
    ears.draw_pearls(canvas, LOOKS)
    draw_features(canvas, LOOKS)


def _hair(canvas: skia.Canvas) -> None:
    draw_updo(canvas, LOOKS, HAIR)
    draw_glasses(canvas, LOOKS, "#6a2b3b", "#c98d94")


SITTER = Sitter(
    name="ruth",
    title="Ruth",
    geometry=LOOKS.geometry,
    layers={
        "plate": in_room(LOOKS, ROOM, _dress),
        "face": _face,
        "hair": _hair,
        **eyes_and_mouth(LOOKS),
    },
    relief=Relief(hair_width=0.385, falling_hair=False),
)
