"""Eyes: irises that aim, lids that close, drawn into the face before it is warped.

The face's texture has the white of the eyes in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.keypoints import LID_TRAVEL
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.layer import Layer, Rect
from renderer.portrait import Eye
from renderer.raster import alpha_of, masked, over, placed_pixels, sampled_pixels
from renderer.warp import Chart

LEAST_LID = 0.02
"""Height of lid below the crease, in canonical units, that shows however wide the eye is."""
TURN = 0.6
"""Closure at which the lashes point at the viewer."""
SHORTEST_LASH = 0.2


@dataclass(frozen=True, slots=True)
class EyeParts:
    """One eye in the pixels of the face's texture."""

    rect: Rect
    """Where its patch lies in the texture."""
    gain: float
    """Texture pixels of one canonical unit."""
    inside: ImageArray
    """Alpha of the ball in all four channels; it clips the iris."""
    iris: ImageArray
    glint: ImageArray
    lid: ImageArray
    """Skin of the closed lid; it is squeezed under the crease as the eye opens."""
    rim: ImageArray
    """Edge of the open lid."""
    lashes_up: ImageArray
    lashes_down: ImageArray
    """Lashes of the open and of the closed lid."""
    lid_at_rest: ImageArray
    """Glint and upper lid while the lid's offset is zero."""
    crease: FloatArray
    """Height of the crease over the columns of the patch [w], and so on."""
    open: FloatArray
    closed: FloatArray

    def draw(self, texture: ImageArray, lid: float, gaze_x: float, gaze_y: float) -> None:
        """Draw the eye into the face's ``texture``; lid and gaze are offsets in canonical units."""
        patch = self.rect.cut(texture)
        place = np.array([[1, 0, gaze_x * self.gain], [0, 1, gaze_y * self.gain]], np.float32)
        height, width = patch.shape[:2]
        over(patch, masked(placed_pixels(self.iris, place, width, height), self.inside))
        if lid == 0.0:
            over(patch, self.lid_at_rest)
        else:
            over(patch, self.glint)
            self.draw_lid(patch, lid / LID_TRAVEL)

    def draw_lid(self, patch: ImageArray, closure: float) -> None:
        """Draw the upper lid when it has gone the share ``closure`` of its way down."""
        edge = self.open + np.float32(closure) * (self.closed - self.open)
        edge = np.maximum(edge, self.crease + np.float32(LEAST_LID * self.gain))
        y = np.arange(len(patch), dtype=np.float32)[:, None]
        squeeze = (self.closed - self.crease) / (edge - self.crease)
        below_crease = np.maximum(y - self.crease, 0)
        over(patch, _shifted(self.lid, y + below_crease * (squeeze - 1)))
        below_edge = y - edge
        up = closure < TURN
        # Lashes turn with the lid: seen from the front they shorten, then lengthen downwards.
        turned = (TURN - closure) / TURN if up else (closure - TURN) / (1 - TURN)
        length = max(min(turned, 1.0), SHORTEST_LASH)
        lashes, root = (self.lashes_up, self.open) if up else (self.lashes_down, self.closed)
        over(patch, _shifted(lashes, root + below_edge * np.float32(1 / length)))
        over(patch, _shifted(self.rim, self.open + below_edge))


def _shifted(picture: ImageArray, rows: FloatArray) -> ImageArray:
    """``picture`` with each pixel taken from its own column at ``rows [h, w]``."""
    columns = np.empty_like(rows)
    columns[:] = np.arange(rows.shape[1], dtype=np.float32)
    return sampled_pixels(picture, columns, rows)


def prepare_eye(eye: Eye, layers: dict[str, ImageArray], face: Layer, chart: Chart) -> EyeParts:
    """Parts of one eye from whole premultiplied ``layers``; ``chart`` is that of whole layers."""
    margin = 0.03 * chart.gain
    left, right = (float(v) * chart.gain + chart.x for v in (eye.x[0], eye.x[-1]))
    top = float(eye.crease.min()) * chart.gain + chart.y - margin
    bottom = float(eye.closed.max()) * chart.gain + chart.y + 1.5 * margin
    x0, y0 = int(left - margin), int(top)
    whole = Rect(x0, y0, int(right + margin) + 1 - x0, int(bottom) + 1 - y0)
    local = chart.moved(whole.x, whole.y)
    columns = (np.arange(whole.width) - local.x) / local.gain

    def profile(heights: FloatArray) -> FloatArray:
        row: FloatArray = np.interp(columns, eye.x, heights).astype(np.float32)
        return row * np.float32(local.gain) + np.float32(local.y)

    parts = {
        name: np.ascontiguousarray(whole.cut(layers[name]))
        for name in ("iris", "glint", "lid", "rim", "lashes_up", "lashes_down")
    }
    inside = alpha_of(whole.cut(layers["eye_ball"]))
    eye_parts = EyeParts(
        rect=Rect(whole.x - face.x, whole.y - face.y, whole.width, whole.height),
        gain=chart.gain,
        inside=inside,
        lid_at_rest=parts["glint"].copy(),
        crease=profile(eye.crease),
        open=profile(eye.open),
        closed=profile(eye.closed),
        **parts,
    )
    eye_parts.draw_lid(eye_parts.lid_at_rest, 0.0)
    return eye_parts
