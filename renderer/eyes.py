"""Eyes: irises that aim, lids that close, drawn into the face before it is warped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from motion.keypoints import LID_TRAVEL
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.layer import Layer, Rect
from renderer.portrait import Eye
from renderer.raster import alpha_of, masked, mixed, over, placed_pixels, sampled_pixels
from renderer.warp import Chart


@dataclass(frozen=True, slots=True)
class EyeParts:
    """One eye in the pixels of the face's texture."""

    rect: Rect
    """Where its patch lies in the texture."""
    gain: float
    """Texture pixels of one canonical unit."""
    ball: ImageArray
    inside: ImageArray
    """Alpha of the ball in all four channels; it clips the iris."""
    iris: ImageArray
    glint: ImageArray
    lid_open: ImageArray
    lid_closed: ImageArray
    crease: FloatArray
    """Height of the crease over the columns of the patch [w], and so on."""
    open: FloatArray
    closed: FloatArray

    def draw(self, texture: ImageArray, lid: float, gaze_x: float, gaze_y: float) -> None:
        """Draw the eye into ``texture``; ``lid`` and gaze are offsets in canonical units."""
        patch = self.rect.cut(texture)
        over(patch, self.ball)
        place = np.array([[1, 0, gaze_x * self.gain], [0, 1, gaze_y * self.gain]], np.float32)
        height, width = patch.shape[:2]
        over(patch, masked(placed_pixels(self.iris, place, width, height), self.inside))
        over(patch, self.glint)
        over(patch, self._lid(lid / LID_TRAVEL))

    def _lid(self, closure: float) -> ImageArray:
        """The upper lid when it has gone the share ``closure`` of its way down."""
        if closure == 0.0:
            return self.lid_open
        blend = min(max((closure - 0.25) / 0.5, 0.0), 1.0)
        edge = self.open + closure * (self.closed - self.open)
        edge = np.maximum(edge, self.crease + 0.02 * self.gain)
        drawn = [
            (share, self._stretched(lid, source, edge))
            for share, lid, source in (
                (1 - blend, self.lid_open, self.open),
                (blend, self.lid_closed, self.closed),
            )
            if share > 0
        ]
        if len(drawn) == 1:
            return drawn[0][1]
        (_, first), (_, second) = drawn
        return mixed(first, second, blend)

    def _stretched(self, lid: ImageArray, source: FloatArray, edge: FloatArray) -> ImageArray:
        """``lid`` drawn with its edge at ``source [w]``, stretched so that it is at ``edge``."""
        height, width = lid.shape[:2]
        y = np.arange(height, dtype=np.float32)[:, None]
        stretch = (source - self.crease) / (edge - self.crease)
        rows = (
            np.minimum(y, self.crease) + np.clip(y - self.crease, 0, edge - self.crease) * stretch
        )
        rows += np.maximum(y - edge, 0)
        places = np.empty((height, width, 2), np.float32)
        places[..., 0] = np.arange(width, dtype=np.float32)
        places[..., 1] = rows
        return sampled_pixels(lid, places)


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
        for name in ("iris", "glint", "lid_open", "lid_closed")
    }
    ball = np.ascontiguousarray(whole.cut(layers["eye_ball"]))
    return EyeParts(
        rect=Rect(whole.x - face.x, whole.y - face.y, whole.width, whole.height),
        gain=chart.gain,
        ball=ball,
        inside=alpha_of(ball),
        crease=profile(eye.crease),
        open=profile(eye.open),
        closed=profile(eye.closed),
        **parts,
    )
