"""Separates the eyes of a picture into layers: ball without iris, iris, lid, edge of the lid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.canvas import CANVAS, PIVOT, UNIT
from renderer.portrait import Eye

HALF_WIDTHS: Final = (0.070, 0.094)
"""Least and greatest of the opening, in canonical units."""
HALF_OF_IRIS: Final = 2.2
"""Half the width of an opening in radii of its iris."""
COLUMNS: Final = 33
RIM_ABOVE, RIM_BELOW = 9, 4
"""Pixels above and below the edge of the upper lid that move with it."""
CREASE: Final = 0.024
"""Height of the crease over the edge of the open lid, in canonical units."""
DARKEST: Final = 0.8
"""Least brightness of a lid, relative to the skin below the eye."""
LASH_SHADE: Final = 9
"""Pixels below the edge of the upper lid that its lashes and their shade darken."""
WINDOW: Final = 256
"""Width and height in pixels of the part of the canvas that holds an eye."""
RADII: Final = np.arange(12.0, 40.0, 1.0)
"""Radii of irises that are looked for, in pixels."""


@dataclass(frozen=True, slots=True)
class EyeShape:
    """One eye on the canvas; heights over ``x`` in pixels, downwards."""

    centre: tuple[float, float]
    """Of the iris."""
    radius: float
    """Of the iris."""
    half: float
    """Half the width of the opening."""
    x: FloatArray
    open: FloatArray
    lower: FloatArray
    crease: FloatArray

    def moved(self, x: float, y: float) -> EyeShape:
        """The shape on a part of the canvas whose corner is at (x, y)."""
        return EyeShape(
            (self.centre[0] - x, self.centre[1] - y),
            self.radius,
            self.half,
            self.x - np.float32(x),
            self.open - np.float32(y),
            self.lower - np.float32(y),
            self.crease - np.float32(y),
        )

    def canonical(self) -> Eye:
        """The profiles as the portrait has them."""
        x = (self.x - PIVOT[0]) / UNIT
        y = {
            name: ((getattr(self, name) - PIVOT[1]) / UNIT).astype(np.float32)
            for name in ("crease", "open", "lower")
        }
        return Eye(x.astype(np.float32), y["crease"], y["open"], y["lower"])


def find_eye(canvas: ImageArray, lid: FloatArray, gaze_y: float, side: float) -> EyeShape:
    """The eye whose upper lid's middle is at pixel ``lid``; ``side`` is -1 left, +1 right.

    ``gaze_y`` is the height in pixels at which the irises are to be looked for.
    """
    top = float(lid[1])
    # The iris is behind the lid or below it, whatever the gaze keypoint says.
    x, y, radius = _find_iris(canvas, float(lid[0]), min(max(gaze_y, top), top + 0.08 * UNIT))
    least, most = (width * UNIT for width in HALF_WIDTHS)
    half = min(max(HALF_OF_IRIS * radius, least), most)
    lower = max(y + 0.9 * radius, top + 0.04 * UNIT)
    corner = top + 0.62 * (lower - top)
    columns = np.linspace(-half - 12, half + 12, COLUMNS, dtype=np.float32)
    arch = np.maximum(1.0 - (columns / half) ** 2, 0.0)
    # The outer corner lies a little higher than the inner one.
    corners = corner - side * columns / half * 0.05 * (lower - top)
    opened = corners + (top - corners) * arch**0.8
    closed = corners + (lower - corners) * arch
    crease = opened - CREASE * UNIT * (0.55 + 0.45 * arch)
    return EyeShape(
        centre=(x, y),
        radius=radius,
        half=half,
        x=(columns + lid[0]).astype(np.float32),
        open=opened.astype(np.float32),
        lower=closed.astype(np.float32),
        crease=crease.astype(np.float32),
    )


def _find_iris(canvas: ImageArray, x: float, y: float) -> tuple[float, float, float]:
    """Centre and radius of the disc whose left and right edges brighten most (Daugman 1993)."""
    grey = cv2.GaussianBlur(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), (0, 0), 1.5)
    aside = np.deg2rad(np.linspace(-35, 40, 12))
    angles = np.concatenate([aside, np.pi - aside])
    best, found = -np.inf, (x, y, 20.0)
    for dy in range(-8, 9, 2):
        for dx in range(-16, 17, 2):
            columns = (x + dx + RADII[:, None] * np.cos(angles)).astype(np.float32)
            rows = (y + dy + RADII[:, None] * np.sin(angles)).astype(np.float32)
            rings = cv2.remap(grey, columns, rows, cv2.INTER_LINEAR).mean(1)
            # The step from inside to outside over three pixels, less for places far away.
            steps = rings[3:] - rings[:-3]
            at = int(np.argmax(steps))
            score = float(steps[at]) - 0.25 * (abs(dx) + abs(dy))
            if score > best:
                best, found = score, (x + dx, y + dy, float(RADII[at] + 1.5))
    return found


def take_apart(canvas: ImageArray, shape: EyeShape) -> dict[str, ImageArray]:
    """Layers [CANVAS, CANVAS, 4] of one eye by name; alpha is not premultiplied."""
    x = int(shape.x[len(shape.x) // 2]) - WINDOW // 2
    y = max(int(shape.open.mean()) - WINDOW // 2, 0)
    part = np.ascontiguousarray(canvas[y : y + WINDOW, x : x + WINDOW])
    layers = {}
    for name, layer in _parts(part, shape.moved(x, y)).items():
        layers[name] = np.zeros((CANVAS, CANVAS, 4), np.uint8)
        layers[name][y : y + WINDOW, x : x + WINDOW] = layer
    return layers


def _parts(canvas: ImageArray, shape: EyeShape) -> dict[str, ImageArray]:
    """Layers of the eye on a part of the canvas."""
    height, width = canvas.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)

    def profile(values: FloatArray) -> FloatArray:
        return np.interp(columns, shape.x, values).astype(np.float32)

    opened, lower, crease = (profile(v) for v in (shape.open, shape.lower, shape.crease))
    half = shape.half
    middle = float(shape.x[len(shape.x) // 2])
    along = np.abs(columns - middle) / half
    between = np.clip((1.0 - along) * half / 6 + 0.5, 0.0, 1.0)
    # The widest opening reaches above the lid of the picture, for eyes that open wider.
    opening = (
        np.clip(rows - opened + 7.0, 0.0, 1.0) * np.clip((lower - rows) / 1.5 + 0.5, 0.0, 1.0)
    ) * between
    bare = _without_iris(canvas, shape, opened, lower)
    lid_mask = np.clip((rows - crease) / 5 + 0.5, 0.0, 1.0) * np.clip(lower - rows + 1.5, 0.0, 1.0)
    lid_mask = lid_mask * np.clip((1.12 - along) * half / 8, 0.0, 1.0)
    beside = rows - opened
    rim_mask = np.clip((beside + RIM_ABOVE) / 3, 0.0, 1.0)
    rim_mask = rim_mask * np.clip((RIM_BELOW - beside) / 3, 0.0, 1.0)
    rim_mask = rim_mask * np.clip((1.1 - along) * half / 6, 0.0, 1.0)
    return {
        "eye_ball": _with_alpha(bare, opening),
        "iris": _iris(canvas, shape, opened, lower),
        "lid": _with_alpha(_lid_skin(canvas, crease, lower), lid_mask),
        "rim": _with_alpha(canvas, rim_mask),
    }


def _with_alpha(colour: ImageArray, alpha: FloatArray) -> ImageArray:
    mask = np.rint(np.clip(alpha, 0.0, 1.0) * 255).astype(np.uint8)
    return np.dstack([colour, mask])


def _without_iris(
    canvas: ImageArray, shape: EyeShape, opened: FloatArray, lower: FloatArray
) -> ImageArray:
    """The eye with its iris filled, row by row, from the white to both sides of it."""
    result = canvas.copy()
    (x, y), r = shape.centre, shape.radius * 1.14
    left, right = int(x - r) - 2, int(x + r) + 3
    first, last = int(opened.min()) - 8, int(lower.max()) + 3
    inner = range(max(first, int(y - 0.35 * r)), min(last, int(y + 0.55 * r)))
    whites = {row: [canvas[row, at - 2 : at + 3].mean(0) for at in (left, right)] for row in inner}
    brightest = np.max([np.max(pair, 0) for pair in whites.values()], 0)
    share = np.linspace(0.0, 1.0, right - left)[:, None]
    for row in range(first, last):
        near = min(max(row, inner.start), inner.stop - 1)
        # One side may be skin or lashes: the white is what is bright.
        a, b = (np.maximum(white, 0.72 * brightest) for white in whites[near])
        shade = 1.0 - 0.16 * np.clip((opened[int(x)] + 10 - row) / 12, 0.0, 1.0)
        distance = np.hypot(np.arange(left, right) - x, row - y)[:, None]
        cover = np.clip((r - distance) / 3 + 0.5, 0.0, 1.0)
        white = (a * (1 - share) + b * share) * shade
        old = canvas[row, left:right]
        result[row, left:right] = np.rint(white * cover + old * (1 - cover))
    patch = result[first:last, left:right]
    patch[:] = cv2.GaussianBlur(patch, (0, 0), 1.2)
    return result


def _iris(canvas: ImageArray, shape: EyeShape, opened: FloatArray, lower: FloatArray) -> ImageArray:
    """The whole disc of the iris; what the lids hide is mirrored from what they show."""
    (x, y), r = shape.centre, shape.radius * 1.06
    rows, columns = np.mgrid[0 : len(canvas), 0 : canvas.shape[1]].astype(np.float32)
    top = opened + LASH_SHADE
    hidden_above = rows < top
    hidden_below = rows > lower - 2
    source = np.where(hidden_above | hidden_below, 2 * y - rows, rows)
    # What is hidden above and below alike is taken from the nearest row that shows.
    source = np.clip(source, top, np.maximum(lower - 2, top + 1)).astype(np.float32)
    disc = cv2.remap(canvas, columns, source, cv2.INTER_LINEAR)
    distance = np.hypot(columns - x, rows - y)
    return _with_alpha(np.asarray(disc, np.uint8), np.clip((r - distance) / 2.5 + 0.5, 0.0, 1.0))


def _lid_skin(canvas: ImageArray, crease: FloatArray, lower: FloatArray) -> ImageArray:
    """Skin of the lid, unfolded: from that over the crease to that below the eye."""
    rows = np.arange(len(canvas), dtype=np.float32)[:, None]
    smooth = cv2.GaussianBlur(canvas, (0, 0), 2.5)
    columns = np.arange(canvas.shape[1])

    def beside(line: FloatArray) -> FloatArray:
        take = np.clip(np.rint(line).astype(int), 0, len(canvas) - 1)
        return np.asarray(cv2.blur(smooth[take, columns][None].astype(np.float32), (9, 1)))

    down = np.clip((rows - crease) / np.maximum(lower - crease, 1.0), 0.0, 1.0)[..., None]
    below = beside(lower + 16)
    # Over the crease there may be a brow or the rim of glasses.
    above = np.maximum(beside(crease - 3), DARKEST * below)
    skin = above * (1.0 - down) + below * down
    # The lid bulges over the ball: it catches light, and turns away from it at its edge.
    light = 1.0 + 0.05 * np.sin(np.pi * down) - 0.06 * down
    shaded: ImageArray = np.clip(np.rint(skin * light), 0, 255).astype(np.uint8)
    return shaded
