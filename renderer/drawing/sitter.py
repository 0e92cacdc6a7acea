"""One drawn avatar: who it is, its layers and its relief, and the folder that they become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skia
from safetensors.numpy import save_file

from motion.keypoints import Keypoint
from renderer.drawing import eyes, mouth, skin
from renderer.drawing.backdrop import Room, draw_backdrop
from renderer.drawing.brush import MIDLINE, PICTURE, Point, pixels, sampled, surface
from renderer.drawing.geometry import EYE_X, EYE_Y, PIVOT, UNIT, Geometry
from renderer.drawing.looks import Looks
from renderer.drawing.neck import draw_neck
from renderer.portrait import FORMAT_VERSION
from renderer.relief import Relief, grid

Draw = Callable[[skia.Canvas], None]
DrawSide = Callable[[skia.Canvas, Looks, float], None]


@dataclass(frozen=True)
class Sitter:
    """A person or animal to be drawn."""

    name: str
    title: str
    geometry: Geometry
    layers: Mapping[str, Draw]
    """How each layer of :data:`renderer.portrait.LAYERS` is drawn."""
    relief: Relief = field(default_factory=Relief)


def both_sides(draw: DrawSide, looks: Looks) -> Draw:
    """A function that draws both sides of the picture."""

    def draw_both(canvas: skia.Canvas) -> None:
        for sign in (-1.0, 1.0):
            draw(canvas, looks, sign)

    return draw_both


def in_room(looks: Looks, room: Room, dress: Draw) -> Draw:
    """A function that draws the plate of a person: ``room``, bare neck and what ``dress`` draws."""

    def draw(canvas: skia.Canvas) -> None:
        draw_backdrop(canvas, room)
        draw_neck(canvas, looks)
        dress(canvas)

    return draw


def draw_features(canvas: skia.Canvas, looks: Looks) -> None:
    """Lips, lower rims of the eyes and brows over a person's skin."""
    mouth.draw_lips(canvas, looks)
    for sign in (-1.0, 1.0):
        eyes.draw_lower_rim(canvas, looks, sign)
        skin.draw_brow(canvas, looks, sign)


def eyes_and_mouth(looks: Looks) -> dict[str, Draw]:
    """The layers of eyes, lower lip, teeth and tongue of a person."""

    def both(draw: DrawSide) -> Draw:
        return both_sides(draw, looks)

    def tongue(canvas: skia.Canvas) -> None:
        usual = Geometry().keypoint_pixels()[Keypoint.TONGUE][1]
        canvas.translate(0, looks.geometry.keypoint_pixels()[Keypoint.TONGUE][1] - usual)
        mouth.draw_tongue(canvas)

    return {
        "lower_lip": lambda canvas: mouth.draw_lower_lip(canvas, looks),
        "eye_ball": both(eyes.draw_ball),
        "iris": both(eyes.draw_iris),
        "glint": both(eyes.draw_glint),
        "lid": both(eyes.draw_lid),
        "rim": both(eyes.draw_rim),
        "lashes_up": both(eyes.draw_lashes_up),
        "lashes_down": both(eyes.draw_lashes_down),
        "upper_teeth": mouth.draw_upper_teeth,
        "lower_teeth": mouth.draw_lower_teeth,
        "tongue": tongue,
    }


def _canonical(point: Point) -> tuple[float, float]:
    return (point[0] - PIVOT[0]) / UNIT, (point[1] - PIVOT[1]) / UNIT


def _rounded(values: Any) -> Any:
    return np.round(np.asarray(values, float), 5).tolist()


def describe(sitter: Sitter) -> dict[str, Any]:
    """The content of ``avatar.json``; lengths in canonical units, except the picture's own."""
    geometry = sitter.geometry
    keypoints = {}
    for key, place in geometry.keypoint_pixels().items():
        x, y = _canonical(place)
        z = float(sitter.relief.face(np.array(x, np.float32), np.array(y, np.float32)))
        keypoints[key.name] = _rounded([x, y, z])
    seam = sampled([(MIDLINE + x, y) for x, y in geometry.seam], 41)
    lids = geometry.lid_profiles(33)
    eye_x, eye_y = EYE_X / UNIT, _canonical((0.0, EYE_Y))[1]
    eyes_file = {}
    for side, sign in (("left", -1), ("right", 1)):
        order = slice(None, None, sign)
        eyes_file[side] = {
            "x": _rounded((sign * (lids["x"] / UNIT + eye_x))[order]),
            **{
                name: _rounded((lids[name] / UNIT + eye_y)[order])
                for name in ("crease", "open", "closed")
            },
        }
    return {
        "version": FORMAT_VERSION,
        "name": sitter.name,
        "title": sitter.title,
        "picture": PICTURE,
        "unit": UNIT,
        "pivot": list(PIVOT),
        "keypoints": {key.name: keypoints[key.name] for key in Keypoint},
        "seam": [_rounded(_canonical((float(x), float(y)))) for x, y in seam],
        "eyes": eyes_file,
    }


def draw_sitter(sitter: Sitter, folder: Path) -> None:
    """Write the avatar folder: a PNG per layer, ``maps.safetensors`` and ``avatar.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw_layer in sitter.layers.items():
        drawn = surface()
        draw_layer(drawn.getCanvas())
        picture = pixels(drawn)
        if name == "plate":
            picture = picture[..., :3]
        cv2.imwrite(str(folder / f"{name}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    save_file(sitter.relief.maps(*grid(PICTURE, UNIT, PIVOT)), folder / "maps.safetensors")
    (folder / "avatar.json").write_text(json.dumps(describe(sitter), indent=1) + "\n")
