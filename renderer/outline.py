"""Bounds of the head's layers in a frame, so that only those parts are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from motion.layout import FloatArray
from renderer.layer import Layer, Rect
from renderer.pose import Pose
from renderer.warp import Chart

SPACING = 8
"""Pixels between the points of an outline."""
ROOM = 4
"""Pixels around a driven outline for what lies between its points."""


@dataclass(frozen=True, slots=True)
class FaceOutline:
    """Points on the edge of the face, which the head and the keypoints move."""

    points: FloatArray
    """[k, 2] in canonical units."""
    basis: FloatArray
    """[k, terms]: the face's field there."""

    def driven(self, pose: Pose, terms: FloatArray) -> FloatArray:
        """Canonical places [k, 2]; ``terms`` are those of the face's field for ``pose``."""
        return (self.points + self.basis @ terms) @ pose.linear + pose.shift


@dataclass(frozen=True, slots=True)
class HairOutline:
    """Points on the edges of the hair, which follow the head."""

    followed: FloatArray
    """[k, 4]: x, y, depth and 1, times the share of the head's motion that the point follows."""
    still: FloatArray
    """[k, 2]: x and y, times the share that it does not follow."""
    hole: tuple[slice, slice, slice] | None
    """Points on the left, right and upper edge of a rectangle, open below, that it leaves free."""

    def driven(self, pose: Pose) -> FloatArray:
        """Canonical places [k, 2]."""
        return self.followed @ pose.projection + self.still

    def driven_hole(self, places: FloatArray, frame: Chart, step: int, size: int) -> Rect:
        """The part of a frame of ``size`` that is certain to stay clear, in whole lattice steps.

        ``places`` are those of :meth:`driven`.
        """
        if self.hole is None:
            return Rect(0, 0, 0, 0)
        left, right, top = self.hole
        x_left = float(places[left, 0].max()) * frame.gain + frame.x + ROOM
        x_right = float(places[right, 0].min()) * frame.gain + frame.x - ROOM
        y_top = float(places[top, 1].max()) * frame.gain + frame.y + ROOM
        x0, y0 = (int(-(-v // step)) * step for v in (x_left, y_top))
        return Rect(x0, y0, int(x_right // step) * step - x0, size - y0)


def rect_around(places: FloatArray, frame: Chart, step: int, size: int) -> Rect:
    """The part of a frame of ``size`` around canonical ``places``, in whole lattice steps."""
    around = Rect(*cv2.boundingRect(frame.index(places)))
    return around.grown(ROOM).in_steps(step).within(size, size)


def edge_points(layer: Layer, frame: Chart) -> FloatArray:
    """Canonical points [k, 2] all around what shows of ``layer``."""
    shown = (layer.pixels[..., 3] > 0).astype(np.uint8)
    contours, _ = cv2.findContours(shown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        contours = (np.zeros((1, 1, 2), np.int32),)
    pixels = np.concatenate(contours)[::SPACING, 0] + (layer.x, layer.y)
    points: FloatArray = ((pixels - (frame.x, frame.y)) / frame.gain).astype(np.float32)
    return points


def hole_edges(hole: Rect, frame: Chart) -> list[FloatArray]:
    """Canonical points [k, 2] on the left, right and upper edge of ``hole``."""
    x = np.arange(hole.x, hole.x + hole.width + 1, SPACING)
    y = np.arange(hole.y, hole.y + hole.height + 1, SPACING)
    edges = ((hole.x, y), (hole.x + hole.width, y), (x, hole.y))
    pixels = (np.stack(np.broadcast_arrays(*edge), -1) for edge in edges)
    return [((p - (frame.x, frame.y)) / frame.gain).astype(np.float32) for p in pixels]
