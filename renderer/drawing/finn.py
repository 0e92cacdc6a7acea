"""Finn: a young fox with a green scarf."""

from __future__ import annotations

import skia

from renderer.drawing import eyes, fox, skin
from renderer.drawing.backdrop import Room, draw_backdrop
from renderer.drawing.geometry import Geometry
from renderer.drawing.looks import Brow, Iris, Looks
from renderer.drawing.sitter import Sitter, both_sides, eyes_and_mouth
from renderer.drawing.tones import LIGHT_SKIN, Tones
from renderer.relief import Relief

LOOKS = Looks(
    geometry=Geometry(
        face=(
            (0, 192), (60, 196), (116, 218), (168, 286), (192, 366), (212, 440), (240, 512),
            (226, 544), (234, 592), (200, 610), (188, 644), (146, 660), (104, 690), (54, 706),
            (0, 710),
        ),
        upper_lid=((-50, 13), (-36, -10), (-14, -24), (8, -27), (28, -21), (44, -8), (56, 0)),
        lower_lid=((-50, 13), (-30, 21), (-8, 24), (14, 23.5), (36, 16), (56, 0)),
        crease=((-48, -2), (-32, -26), (-8, -39), (14, -41), (36, -32), (58, -12)),
        lid_travel=49.0,
        iris_radius=30.0,
        seam=(
            (-68, 594), (-50, 604), (-30, 606.5), (-12, 603), (0, 598), (12, 603), (30, 606.5),
            (50, 604), (68, 594),
        ),
        upper_lip=((-68, 594), (-44, 590), (-18, 586), (0, 584), (18, 586), (44, 590), (68, 594)),
        lower_lip=((-68, 594), (-46, 616), (-22, 626), (0, 628), (22, 626), (46, 616), (68, 594)),
        brow=((-44, 2), (-18, -7), (10, -11), (34, -7), (50, 4)),
        brow_y=378.0,
        jaw_y=688.0,
    ),
    skin=Tones(
        LIGHT_SKIN,
        ("#2b1a16", "#6b2c0c", "#a94c17", "#cf6c25", "#e58a3e", "#f1a257", "#f9bd7c", "#ffe9cf"),
    ),
    iris=Iris(("#f6c95a", "#dc9322", "#92510f", "#351a08"), ("#ffe39a", "#8a4a10")),
    brow=Brow(("#5a2a10", "#74360f", "#8d4415"), ("#7a3a14", 120), 1.15, 300),
    lash="#26140f",
    lash_length=0.75,
    wing=1.6,
)  # fmt: skip
ROOM = Room(
    wall=("#eaf1de", "#c9dbbb", "#93b08d"),
    window=("#fdfff2", 200),
    frame="#cfdfbf",
    corner="#6f936f",
    shelf="#7d8f62",
    books=("#d7b46a", "#efe6c8", "#9ab27a", "#c7875a"),
    leaves=("#6fa06a", "#4f8556", "#96bd82"),
    lamp=("#fff3c4", 170),
)


def _plate(canvas: skia.Canvas) -> None:
    draw_backdrop(canvas, ROOM)
    fox.draw_chest(canvas)
    fox.draw_scarf(canvas, ("#4f9d7c", "#33785f", "#1f5647"))


def _face(canvas: skia.Canvas) -> None:
    fox.draw_head(canvas, LOOKS)
    fox.draw_lips(canvas, LOOKS)
    for sign in (-1.0, 1.0):
        eyes.draw_lower_rim(canvas, LOOKS, sign)
        skin.draw_brow(canvas, LOOKS, sign)


SITTER = Sitter(
    name="finn",
    title="Finn",
    geometry=LOOKS.geometry,
    layers={
        **eyes_and_mouth(LOOKS),
        "plate": _plate,
        "face": _face,
        "lower_lip": lambda canvas: fox.draw_lower_lip(canvas, LOOKS),
        "hair": fox.draw_tuft,
        "lid": both_sides(fox.draw_lid, LOOKS),
        "upper_teeth": fox.draw_upper_teeth,
        "lower_teeth": fox.draw_lower_teeth,
    },
    relief=Relief(
        width=0.46, hair_width=0.46, nose=0.13, nose_width=0.10, nose_drop=0.16, falling_hair=False
    ),
)
