"""Teeth and tongue of a picture: its own upper teeth where they show, else fitted ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.library import BUILT_IN
from renderer.photo.canvas import CANVAS, to_pixels
from renderer.portrait import Portrait, read_portrait

K = Keypoint
BoolArray = npt.NDArray[np.bool_]

DENTURE: Final = "mira"
"""Built-in avatar whose teeth and tongue are fitted into the mouths of pictures."""
WHITE: Final = 226.0
"""Brightness of the white of that avatar's eyes."""
TOOTH: Final = np.array((0.70, 0.76, 0.82), np.float32)
"""Colour of teeth, BGR, in photographs, of the brightness of light skin; a little shaded."""
WIDEST: Final = 1.15
"""Most that they are enlarged: a mouth that smiles has no larger teeth, but dark corners."""
FEWEST: Final = 150
"""Pixels of teeth that must show for their colour to be believed."""
UPPER_PART: Final = 0.35
"""Share of the gap, from the upper lip, in which upper teeth begin."""
COMPLETE: Final = 0.6
"""Share of the middle half of the mouth in which they must show to be taken as they are."""
SHORTEST: Final = 16
"""Pixels of teeth below the lip that are worth taking."""
UNDER: Final = 28
"""Pixels by which teeth go on under the lip."""
CORNERS: Final = 0.9
"""Brightness of fitted teeth beside those of the picture."""
JOINT: Final = 4
"""Pixels by which they reach behind these."""


@dataclass(frozen=True, slots=True)
class Teeth:
    """What a picture shows of teeth."""

    colour: FloatArray
    """BGR [3]."""
    upper: ImageArray | None
    """The upper teeth [CANVAS, CANVAS, 4] as they are; None if too little of them shows."""


def find_teeth(canvas: ImageArray, face: FloatArray, seam: FloatArray) -> Teeth | None:
    """The teeth between open lips of ``face [21, 2]``, None if there are none to see.

    ``seam`` is the line of the upper lip.
    """
    line = to_pixels(seam)
    gap = float(to_pixels(face[K.LOWER_INNER])[1] - to_pixels(face[K.UPPER_INNER])[1])
    if gap < 2.0:
        return None
    half = float(line[-1, 0] - line[0, 0]) / 2
    columns = np.arange(int(line[0, 0]), int(line[-1, 0]))
    away = np.abs(columns - (line[0, 0] + half)) / half
    top = np.interp(columns, line[:, 0], line[:, 1]).astype(np.float32)
    height = gap * np.maximum(1.0 - away**2, 0.0)
    rows = np.arange(CANVAS)[:, None]
    between = (rows > top) & (rows < top + height)
    teeth = between & _tooth_like(canvas[:, columns])
    shown = canvas[:, columns][teeth & (away < 0.7)]
    if len(shown) < FEWEST:
        return None
    colour = np.median(shown, 0).astype(np.float32)
    closed = cv2.morphologyEx(teeth.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 5), np.uint8))
    run = _first_run(closed.astype(bool) & between, top, gap)
    middle = away < 0.5
    tall = run.sum(0) >= min(SHORTEST, 0.5 * gap)
    if gap < SHORTEST or float(tall[middle].mean()) < COMPLETE:
        return Teeth(colour, None)
    return Teeth(colour, _lifted(canvas, columns, top, run))


def _tooth_like(pixels: ImageArray) -> BoolArray:
    """Which of BGR ``pixels [..., 3]`` may be teeth: lips are redder, all else is darker."""
    most, least = pixels.max(-1).astype(np.float32), pixels.min(-1)
    likely: BoolArray = (most > 90) & (least > 0.62 * most)
    return likely


def _first_run(teeth: BoolArray, top: FloatArray, gap: float) -> BoolArray:
    """The part of ``teeth [rows, columns]`` that hangs from the upper lip at heights ``top``."""
    rows = np.arange(len(teeth))[:, None]
    first = np.where(teeth, rows, len(teeth)).min(0)
    ended = np.cumsum((rows > first) & ~teeth, 0) > 0
    run: BoolArray = teeth & ~ended & (first < top + UPPER_PART * gap)
    # In one piece from the middle of the mouth; what glints in its corners is no tooth.
    gaps = np.flatnonzero(run.sum(0) < 4)
    place = int(np.searchsorted(gaps, run.shape[1] // 2))
    run[:, : gaps[place - 1] + 1 if place else 0] = False
    run[:, gaps[place] if place < len(gaps) else run.shape[1] :] = False
    return run


def _lifted(
    canvas: ImageArray, columns: npt.NDArray[np.int64], top: FloatArray, run: BoolArray
) -> ImageArray:
    """Layer [CANVAS, CANVAS, 4] of the teeth in ``run``, which go on under the lip above."""
    rows = np.arange(CANVAS, dtype=np.float32)[:, None]
    seen = run.any(0)
    first = cv2.blur(np.where(seen, run.argmax(0), top)[None].astype(np.float32), (9, 1)) + 4
    source = np.maximum(rows, first)
    across = np.broadcast_to(columns.astype(np.float32), source.shape)
    taken = cv2.remap(canvas, np.ascontiguousarray(across), source, cv2.INTER_LINEAR)
    under = (rows < first) & (rows > first - UNDER) & seen
    alpha = cv2.GaussianBlur((run | under).astype(np.float32) * 255, (0, 0), 1.6)
    layer = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    layer[:, columns, :3] = taken
    layer[:, columns, 3] = np.rint(alpha)
    return layer


@cache
def _denture() -> Portrait:
    return read_portrait(BUILT_IN / DENTURE)


@cache
def _usual_colour() -> FloatArray:
    """BGR [3] of the denture's teeth."""
    layer = _denture().layers["upper_teeth"]
    colours = layer[layer[..., 3] > 200][:, :3]
    usual: FloatArray = np.median(colours[_tooth_like(colours)], 0)
    return usual


def denture(seam: FloatArray, light: float, teeth: Teeth | None = None) -> dict[str, ImageArray]:
    """Teeth and tongue by layer name, fitted to a mouth.

    ``light`` is the brightness of light skin in the picture, 0 to 255; ``teeth`` are those of the
    picture, where they show.
    """
    model = _denture()
    line, usual = to_pixels(seam), model.seam * model.unit + np.array(model.pivot, np.float32)
    scale = min(float((line[-1, 0] - line[0, 0]) / (usual[-1, 0] - usual[0, 0])), WIDEST)
    middle, model_middle = line[len(line) // 2], usual[len(usual) // 2]
    affine = np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    affine[:, 2] = middle - scale * model_middle
    colour = light * TOOTH if teeth is None else teeth.colour
    tooth = np.clip(colour / _usual_colour(), 0.4, 1.4)
    tongue = np.full(3, np.clip(light / WHITE, 0.55, 1.05), np.float32)
    layers = {}
    for name in ("upper_teeth", "lower_teeth", "tongue"):
        moved = cv2.warpAffine(model.layers[name], affine, (CANVAS, CANVAS), flags=cv2.INTER_AREA)
        moved = np.asarray(moved, np.uint8)
        tone = tongue if name == "tongue" else tooth
        toned = np.clip(moved[..., :3].astype(np.float32) * tone, 0, 255)
        layers[name] = np.dstack([np.rint(toned).astype(np.uint8), moved[..., 3]])
    if teeth is not None and teeth.upper is not None:
        layers["upper_teeth"] = _beside(teeth.upper, layers["upper_teeth"])
    return layers


def _beside(own: ImageArray, fitted: ImageArray) -> ImageArray:
    """The ``own`` teeth of a picture, and ``fitted`` ones in the corners of the mouth."""
    share = own[..., 3:].astype(np.float32) / 255
    colour = own[..., :3] * share + fitted[..., :3] * (1.0 - share) * CORNERS
    x = np.flatnonzero((own[..., 3] > 200).any(0))
    alpha = fitted[..., 3].copy()
    alpha[:, x[0] + JOINT : x[-1] + 1 - JOINT] = 0
    return np.dstack([np.rint(colour).astype(np.uint8), np.maximum(own[..., 3], alpha)])
