"""Cuts the head out of its picture (matting), so that it moves without its background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.canvas import CANVAS, PIVOT, UNIT, canonical_grid, filled
from renderer.relief import smoothstep

K = Keypoint
BoolArray = npt.NDArray[np.bool_]

_COARSE: Final = 256
"""Width and height of the canvas on which person and background are segmented."""
_ROUNDS: Final = 5
"""Iterations of GrabCut (Rother et al. 2004)."""
_HAIR_REACH: Final = 14
_HAIR_SMOOTHNESS: Final = 4e-4
"""Radius in pixels and regularisation of the guided filter (He et al. 2013) that finds hairs."""
_HEAD_HALF: Final = (0.26, 0.80)
"""Least and greatest plausible half width of a head, in canonical units."""
NECK: Final = 0.21
"""Half the width of a neck, in canonical units; beside it hangs hair."""
CHIN: Final = 0.055
"""How far the edge of the chin lies below its keypoint."""
COLLAR: Final = 6.0
"""How much wider a neck shows above a collar, per canonical unit of height."""
CROWN: Final = 0.82
"""Least height of a head above its eyes, relative to their height above the chin."""
_GOES_ON: Final = 180.0
"""Pixels by which the background beside the head is continued behind it, before it fades."""
_HOLE: Final = 14
"""Pixels around the head that are filled with it, so that no hair stays behind."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A picture taken apart into the head and what is behind it."""

    person: FloatArray
    """Share [CANVAS, CANVAS] of each pixel that is head, neck or body."""
    head: FloatArray
    """Share that belongs to the head; it ends softly on neck and shoulders."""
    colour: ImageArray
    """The picture without the background's share in the edge of the head, BGR."""
    behind: ImageArray
    """The picture with the head filled in from around it, BGR."""


def cut_out(canvas: ImageArray, inside: FloatArray, face: FloatArray) -> Cutout | None:
    """Cut the head with keypoints ``face [21, 2]`` out of ``canvas``, BGR [CANVAS, CANVAS, 3].

    ``inside [CANVAS, CANVAS]`` is 1 where the canvas is the picture, 0 where it is made up.
    None if head and background cannot be told apart.
    """
    person = _person(canvas, inside, face)
    if person is None:
        return None
    zone = _head_zone(face)
    head = person * zone
    size = (2 * _HOLE + 1, 2 * _HOLE + 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size)
    # Where the head ends softly on neck and shoulders, these stay what they are.
    hidden = cv2.dilate(np.where(zone > 0.98, person, 0.0).astype(np.float32), kernel)
    seen = smoothstep(0.02, 0.0, np.asarray(hidden, np.float32))
    behind = _behind(canvas, inside, face, person, seen)
    # Remove the background's share from the colours at the edge of the matte.
    share = np.maximum(person, 0.25)[..., None]
    pure = (canvas - (1.0 - share) * behind) / share
    colour = np.where(head[..., None] > 0.0, pure, canvas)
    return Cutout(person, head, np.clip(np.rint(colour), 0, 255).astype(np.uint8), behind)


def _person(canvas: ImageArray, inside: FloatArray, face: FloatArray) -> FloatArray | None:
    small = cv2.resize(canvas, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    labels = _first_guess(face)
    shown = cv2.resize(inside, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA) > 0.5
    labels[~shown] = cv2.GC_BGD
    # The continuation beyond the picture would teach the model the head's colours as background.
    x, y, width, height = cv2.boundingRect(shown.astype(np.uint8))
    part = np.s_[y : y + height, x : x + width]
    kept = np.ascontiguousarray(labels[part])
    models = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.ascontiguousarray(small[part]), kept, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK
    )  # type: ignore[call-overload]
    labels[part] = kept
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    found = _one_piece(found)
    if not _believable(found):
        return None
    rough = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 0.8)
    rough = cv2.resize(rough, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    grey = cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    fine = _guided(grey.astype(np.float32), np.asarray(rough, np.float32))
    # Only near the edge: inside and outside are certain.
    certain = cv2.blur(np.asarray(rough, np.float32), (2 * _HAIR_REACH + 1,) * 2)
    fine = np.where(certain > 0.98, 1.0, np.where(certain < 0.02, 0.0, fine))
    return smoothstep(0.08, 0.92, fine.astype(np.float32))


def _first_guess(face: FloatArray) -> npt.NDArray[np.uint8]:
    """Labels of GrabCut from where heads, necks and shoulders usually are."""
    x, y = canonical_grid(_COARSE)
    chin, top = float(face[K.JAW, 1]), float(face[K.FOREHEAD, 1])
    labels = np.full(x.shape, cv2.GC_PR_BGD, np.uint8)
    head = np.hypot(x / 0.46, (y + 0.12) / 0.58) < 1
    shoulders = (y > chin + 0.12) & (np.abs(x) < 0.30 + 1.2 * (y - chin - 0.12))
    labels[head | shoulders] = cv2.GC_PR_FGD
    middle = (top + chin) / 2
    sure = np.hypot(x / 0.27, (y - middle) / ((chin - top) / 2 + 0.02)) < 1
    # Hair may look like the background, but a head is about twice as high as its eyes lie.
    eyes = float(face[[K.LID_LEFT, K.LID_RIGHT], 1].mean())
    crown = eyes - CROWN * (chin + CHIN - eyes)
    sure |= np.hypot(x / 0.24, (y - (crown + chin) / 2) / ((chin - crown) / 2)) < 1
    neck = (np.abs(x) < 0.12) & (y > chin - 0.05) & (y < chin + 0.25)
    labels[sure | neck] = cv2.GC_FGD
    labels[((np.abs(x) > 0.88) & (y < 0.25)) | (y < -0.96)] = cv2.GC_BGD
    return labels


def _one_piece(found: BoolArray) -> BoolArray:
    """The piece with the face, without its holes."""
    _, pieces = cv2.connectedComponents(found.astype(np.uint8))
    centre = pieces[round(PIVOT[1] / CANVAS * _COARSE), round(PIVOT[0] / CANVAS * _COARSE)]
    piece = (pieces == centre).astype(np.uint8)
    contours, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(piece, contours, -1, 1, cv2.FILLED), bool)


def _believable(found: BoolArray) -> bool:
    """Whether the outline beside the face can be that of a head."""
    x, y = canonical_grid(_COARSE)
    rows = (y[:, 0] > -0.40) & (y[:, 0] < 0.15)
    least, most = _HEAD_HALF
    for side in (x < 0, x > 0):
        reach = np.where(found & side, np.abs(x), 0.0)[rows].max(1)
        if not least < np.percentile(reach, 20) <= np.percentile(reach, 80) < most:
            return False
    return True


def _guided(guide: FloatArray, values: FloatArray) -> FloatArray:
    """``values`` with the edges of ``guide``."""
    size = (2 * _HAIR_REACH + 1, 2 * _HAIR_REACH + 1)

    def mean(of: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(of, size), np.float32)

    middle, average = mean(guide), mean(values)
    together = mean(guide * values) - middle * average
    alone = mean(guide * guide) - middle * middle
    slope = (together / (alone + np.float32(_HAIR_SMOOTHNESS))).astype(np.float32)
    fitted: FloatArray = mean(slope) * guide + mean(average - slope * middle)
    return fitted


def _head_zone(face: FloatArray) -> FloatArray:
    """Share [CANVAS, CANVAS] of a person there that moves with the head: not neck and shoulders."""
    x, y = canonical_grid(CANVAS)
    chin = float(face[K.JAW, 1]) + CHIN
    jaw = jaw_zone(face)
    beside = smoothstep(NECK, NECK + 0.06, np.abs(x)) * smoothstep(chin + 0.12, chin - 0.08, y)
    zone: FloatArray = np.maximum(jaw, beside)
    return zone


def jaw_zone(face: FloatArray, reach: float = 1.0) -> FloatArray:
    """Share [CANVAS, CANVAS] that lies above the edge of the jaw, behind which the neck begins.

    ``reach`` draws the edge wider.
    """
    x, y = canonical_grid(CANVAS)
    down = np.maximum(y, 0) / (float(face[K.JAW, 1]) + CHIN)
    return smoothstep(1.03, 0.99, (np.hypot(x / 0.36, down) / reach).astype(np.float32))


def _behind(
    canvas: ImageArray,
    inside: FloatArray,
    face: FloatArray,
    person: FloatArray,
    seen: FloatArray,
) -> ImageArray:
    """The picture without the head: the background goes on behind it, the neck behind the chin.

    ``seen [CANVAS, CANVAS]`` is the share of what is not behind the head.
    """
    around = cv2.erode(1.0 - person, np.ones((2 * _HOLE + 1,) * 2, np.uint8))
    background = _background(canvas, inside * seen * np.asarray(around, np.float32))
    chin = float(face[K.JAW, 1])
    body = _continued_upwards(canvas, seen, chin)
    x, y = canonical_grid(CANVAS)
    # What is neck or hanging hair just below the chin goes on above it; of hair a little.
    below = person[round((chin + 0.08) * UNIT + PIVOT[1])]
    top = chin - 0.26 + 0.12 * smoothstep(NECK, NECK + 0.08, np.abs(x))
    share = (person * below * smoothstep(0.0, 0.1, (y - top).astype(np.float32)))[..., None]
    made = background * (1 - share) + body * share
    # Beyond the picture's upper part goes on what is behind the head, not its hair.
    beyond = (1.0 - inside) * smoothstep(chin + 0.25, chin, y)
    known = (seen * (1.0 - beyond))[..., None]
    behind = (canvas * known + made * (1 - known)).astype(np.float32)
    mirrored, share = _mirrored(behind, inside, math.inf)
    share = (share * beyond)[..., None]
    result: ImageArray = np.rint(behind * (1 - share) + mirrored * share).astype(np.uint8)
    return result


def _background(canvas: ImageArray, known: FloatArray) -> FloatArray:
    """What is ``known`` of the background goes on behind the head, mirrored at its outline."""
    mirrored, share = _mirrored(canvas.astype(np.float32), known, _GOES_ON)
    background: FloatArray = filled(canvas, known) * (1 - share[..., None])
    background += mirrored * share[..., None]
    return background


def _mirrored(
    picture: FloatArray, known: FloatArray, reach: float
) -> tuple[FloatArray, FloatArray]:
    """What is beyond the edges of what is ``known`` of a picture if that is mirrored there, and
    its share [CANVAS, CANVAS]: none where it mirrors the unknown, ever less up to ``reach`` pixels
    from the edge.
    """
    shown = known > 0.99
    distance, labels = cv2.distanceTransformWithLabels(
        np.where(shown, 0, 255).astype(np.uint8),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    places = np.zeros((int(labels.max()) + 1, 2), np.float32)
    rows, columns = np.nonzero(shown)
    places[labels[shown]] = np.stack([columns, rows], 1)
    nearest = cv2.blur(places[labels], (9, 9))
    here = np.stack(np.meshgrid(np.arange(CANVAS), np.arange(CANVAS)), -1).astype(np.float32)
    x, y = cv2.split(2 * nearest - here)
    mirrored = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    reached = cv2.remap(known, x, y, cv2.INTER_LINEAR)
    share = reached * smoothstep(1.0, 0.25, np.asarray(distance / reach, np.float32))
    return np.asarray(mirrored, np.float32), np.asarray(share, np.float32)


def _continued_upwards(canvas: ImageArray, seen: FloatArray, chin: float) -> ImageArray:
    """What is seen just below the head, mirrored into its place, drawn apart like a collar."""
    rows = np.arange(CANVAS, dtype=np.float32)[:, None]
    last = round((chin + 0.2) * UNIT + PIVOT[1])
    hidden = (seen < 1.0) & (rows < last)
    ends = np.where(hidden, rows, 0.0).max(0, keepdims=True)
    ends = cv2.blur(cv2.dilate(ends, np.ones((1, 9), np.uint8)), (9, 1)) + 4
    above = np.maximum(ends - rows, 0.0)
    away = np.arange(CANVAS, dtype=np.float32) - PIVOT[0]
    neck = smoothstep(NECK + 0.1, NECK, np.abs(away) / UNIT)
    columns = PIVOT[0] + away * (1.0 - neck * np.minimum(COLLAR * above / UNIT, 0.5))
    source = np.where(rows < ends, ends + 0.3 * above, rows)
    mirrored = cv2.remap(
        canvas, columns.astype(np.float32), source.astype(np.float32), cv2.INTER_LINEAR
    )
    return np.asarray(mirrored, np.uint8)
