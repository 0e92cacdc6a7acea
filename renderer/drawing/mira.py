"""Mira: a young woman with a chestnut bob and a teal sweater."""

from __future__ import annotations

import skia

from renderer.drawing import bob, clothes, skin
from renderer.drawing.backdrop import Room, draw_backdrop
from renderer.drawing.looks import Looks
from renderer.drawing.neck import draw_neck
from renderer.drawing.sitter import Sitter, draw_features, eyes_and_mouth
from renderer.drawing.strands import HairTones

LOOKS = Looks()
HAIR = HairTones()


def _plate(canvas: skia.Canvas) -> None:
    draw_backdrop(canvas, Room())
    bob.draw_back(canvas, HAIR)
    draw_neck(canvas, LOOKS, hair_shade=True)
    clothes.draw_sweater(canvas, hair_shade=True)


def _face(canvas: skia.Canvas) -> None:
    skin.draw_face(canvas, LOOKS)
    draw_features(canvas, LOOKS)


SITTER = Sitter(
    name="mira",
    title="Mira",
    geometry=LOOKS.geometry,
    layers={
        "plate": _plate,
        "face": _face,
        "hair": lambda canvas: bob.draw_front(canvas, HAIR),
        **eyes_and_mouth(LOOKS),
    },
)
