"""Mira, the avatar that ships with the server: her layers and the file that describes her."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skia
from safetensors.numpy import save_file

from motion.keypoints import Keypoint
from renderer.drawing import body, eyes, geometry, hair, mouth, skin
from renderer.drawing.brush import MIDLINE, PICTURE, Point, pixels, sampled, surface
from renderer.drawing.relief import face_depth, relief_maps
from renderer.portrait import FORMAT_VERSION

Draw = Callable[[skia.Canvas], None]


def _plate(canvas: skia.Canvas) -> None:
    body.draw_backdrop(canvas)
    hair.draw_back(canvas)
    body.draw_neck(canvas)
    body.draw_clothes(canvas)


def _face(canvas: skia.Canvas) -> None:
    skin.draw_face(canvas)
    mouth.draw_lips(canvas)
    for sign in (-1.0, 1.0):
        eyes.draw_lower_rim(canvas, sign)
        skin.draw_brow(canvas, sign)


def _both(draw: Callable[[skia.Canvas, float], None]) -> Draw:
    def draw_both(canvas: skia.Canvas) -> None:
        for sign in (-1.0, 1.0):
            draw(canvas, sign)

    return draw_both


def _iris(canvas: skia.Canvas, sign: float) -> None:
    eyes.draw_iris(canvas, (MIDLINE + sign * geometry.EYE_X, geometry.EYE_Y - 2))


LAYERS: dict[str, Draw] = {
    "plate": _plate,
    "face": _face,
    "lower_lip": mouth.draw_lower_lip,
    "hair": hair.draw_front,
    "eye_ball": _both(eyes.draw_ball),
    "iris": _both(_iris),
    "glint": _both(eyes.draw_glint),
    "lid": _both(eyes.draw_lid),
    "rim": _both(eyes.draw_rim),
    "lashes_up": _both(eyes.draw_lashes_up),
    "lashes_down": _both(eyes.draw_lashes_down),
    "upper_teeth": mouth.draw_upper_teeth,
    "lower_teeth": mouth.draw_lower_teeth,
    "tongue": mouth.draw_tongue,
}


def _canonical(point: Point) -> tuple[float, float]:
    return (
        (point[0] - geometry.PIVOT[0]) / geometry.UNIT,
        (point[1] - geometry.PIVOT[1]) / geometry.UNIT,
    )


def _rounded(values: Any) -> Any:
    return np.round(np.asarray(values, float), 5).tolist()


def describe() -> dict[str, Any]:
    """What ``avatar.json`` holds; lengths in canonical units but for the picture's own."""
    keypoints = {}
    for key, place in geometry.keypoint_pixels().items():
        x, y = _canonical(place)
        z = float(face_depth(np.array(x, np.float32), np.array(y, np.float32)))
        keypoints[key.name] = _rounded([x, y, z])
    seam = sampled([(MIDLINE + x, y) for x, y in geometry.SEAM], 41)
    lids = geometry.lid_profiles(33)
    eye_x, eye_y = geometry.EYE_X / geometry.UNIT, _canonical((0.0, geometry.EYE_Y))[1]
    eyes_file = {}
    for side, sign in (("left", -1), ("right", 1)):
        order = slice(None, None, sign)
        eyes_file[side] = {
            "x": _rounded((sign * (lids["x"] / geometry.UNIT + eye_x))[order]),
            **{
                name: _rounded((lids[name] / geometry.UNIT + eye_y)[order])
                for name in ("crease", "open", "closed")
            },
        }
    return {
        "version": FORMAT_VERSION,
        "name": "mira",
        "title": "Mira",
        "picture": PICTURE,
        "unit": geometry.UNIT,
        "pivot": list(geometry.PIVOT),
        "keypoints": {key.name: keypoints[key.name] for key in Keypoint},
        "seam": [_rounded(_canonical((float(x), float(y)))) for x, y in seam],
        "eyes": eyes_file,
    }


def draw(folder: Path) -> None:
    """Write the avatar folder: a PNG per layer, ``maps.safetensors`` and ``avatar.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw_layer in LAYERS.items():
        drawn = surface()
        draw_layer(drawn.getCanvas())
        picture = pixels(drawn)
        if name == "plate":
            picture = picture[..., :3]
        cv2.imwrite(str(folder / f"{name}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    save_file(relief_maps(), folder / "maps.safetensors")
    (folder / "avatar.json").write_text(json.dumps(describe(), indent=1) + "\n")
