"""Kofi: a man in his fifties with deep brown skin, short hair and a short beard."""

from __future__ import annotations

import skia

from renderer.drawing import clothes, ears, skin
from renderer.drawing.backdrop import Room
from renderer.drawing.beard import draw_beard
from renderer.drawing.crop import draw_crop
from renderer.drawing.geometry import Geometry
from renderer.drawing.looks import Brow, Iris, Looks
from renderer.drawing.sitter import Sitter, draw_features, eyes_and_mouth, in_room
from renderer.drawing.strands import HairTones
from renderer.drawing.tones import LIGHT_SKIN, ROSE_LIPS, Tones
from renderer.relief import Relief

LOOKS = Looks(
    geometry=Geometry(
        face=(
            (0, 190), (70, 196), (130, 228), (165, 300), (174, 380), (176, 450), (173, 520),
            (164, 588), (143, 642), (106, 688), (60, 714), (0, 721),
        ),
        upper_lid=(
            (-46, 9), (-34, -5), (-14, -15), (8, -17.5), (28, -13), (42, -4), (50, 4),
        ),
        crease=((-44, -5), (-30, -18), (-8, -26), (14, -28), (36, -20), (52, -6)),
        lid_travel=34.0,
        upper_lip=((-66, 602), (-42, 592), (-17, 585), (0, 588), (17, 585), (42, 592), (66, 602)),
        lower_lip=((-66, 602), (-46, 624), (-22, 638), (0, 642), (22, 638), (46, 624), (66, 602)),
        brow=((-52, 4), (-22, -5), (14, -10), (42, -6), (64, 10)),
        brow_y=392.0,
        jaw_y=698.0,
    ),
    skin=Tones(
        LIGHT_SKIN,
        ("#140907", "#2c150f", "#512c1e", "#75442e", "#8f573b", "#a2674a", "#b98060", "#ecc9ac"),
    ),
    lips=Tones(
        ROSE_LIPS, ("#2a1110", "#59302b", "#7b4840", "#92594f", "#a96f62", "#d8ab98", "#f3d9cc")
    ),
    iris=Iris(("#6f4526", "#4c2c19", "#2f1a10", "#190d08"), ("#8c5a33", "#2f1a10")),
    brow=Brow(("#120c0a", "#1e1512", "#2e2320"), ("#1a100d", 150), 1.12, 300),
    lash="#0f0908",
    lash_length=0.6,
    wing=0.3,
    blush=0.3,
    nose_width=1.3,
    age=0.45,
    neck_width=1.26,
)  # fmt: skip
HAIR = HairTones("#14100f", "#1f1917", "#3a322e", "#5a504a", "#a39c96")
RUST = ("#3b170f", "#57241a", "#7a3a27", "#9a4f35", "#b8684a", "#e3b294", "#ffffff")
ROOM = Room(
    wall=("#dfe3ea", "#bcc6d4", "#8f9db2"),
    window=("#f6fbff", 190),
    frame="#aebaca",
    corner="#6d7c93",
    shelf="#63718a",
    books=("#c99a66", "#e6dcc8", "#a4584a", "#5f7f9c"),
    leaves=("#7f9c93", "#587a70", "#9fb6ac"),
    lamp=("#ffe3b3", 150),
)


def _dress(canvas: skia.Canvas) -> None:
    clothes.draw_shirt(canvas, Tones(clothes.TEAL, RUST))


def _face(canvas: skia.Canvas) -> None:
    ears.draw_ears(canvas, LOOKS)
    skin.draw_face(canvas, LOOKS)
    draw_beard(canvas, LOOKS, HAIR)
    draw_features(canvas, LOOKS)


SITTER = Sitter(
    name="kofi",
    title="Kofi",
    geometry=LOOKS.geometry,
    layers={
        "plate": in_room(LOOKS, ROOM, _dress),
        "face": _face,
        "hair": lambda canvas: draw_crop(canvas, LOOKS, HAIR),
        **eyes_and_mouth(LOOKS),
    },
    relief=Relief(hair_width=0.385, nose_width=0.065, falling_hair=False),
)
