"""``python -m benchmarks.geometry``: does the face show what its motion commands?

Over sampled motions of the range that the motion model is trained on, heads turned up to 20
degrees: how far keypoints are rendered from where they are commanded, whether the face folds over
itself, and whether anything in a picture jumps while the motion glides.
"""

from __future__ import annotations

import argparse
import itertools

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.report import show
from motion.articulation import ARTICULATION
from motion.contract import EMOTIONS, Controls
from motion.emotion import add_mood, emotion_offsets
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import (
    PITCH,
    ROLL,
    SCALE,
    TRANSLATION,
    YAW,
    FloatArray,
    drive,
    expression,
    neutral_motion,
)
from motion.mouth import mouth_offsets
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer
from renderer.elastic import LOWER, SKIN, UPPER
from renderer.field import FaceField, face_terms
from renderer.layer import Rect
from renderer.library import avatar_names, open_avatar
from renderer.lips import BAND, FADE
from renderer.pose import Pose, read_pose
from renderer.raster import enlarged, sampled_values
from renderer.rig import WARPING
from renderer.warp import Chart, invert, start_places

K = Keypoint
BoolArray = npt.NDArray[np.bool_]

LOWER_LIP = {K.LOWER_INNER, K.LOWER_OUTER}
UPPER_LIP = {
    K.UPPER_INNER, K.UPPER_LEFT, K.UPPER_RIGHT, K.UPPER_OUTER, K.MOUTH_LEFT, K.MOUTH_RIGHT,
}  # fmt: skip
ANGLES = (15.0, 20.0, 12.0)
"""Largest pitch, yaw and roll that are sampled, in degrees."""
GLIDE, SUBSTEPS = 0.06, 8
"""Share of the way from one motion to the next in which jumps are looked for, and its parts."""
BLOCK = 8
"""Size in pixels of the blocks whose mean brightness is watched."""


def sampled_motions(count: int, seed: int) -> FloatArray:
    """Motion [count, 70]: articulations, emotions, lids, gaze and heads, at random."""
    rng = np.random.default_rng(seed)
    motion = neutral_motion(count)
    face = expression(motion)
    rows = rng.uniform(0.0, 1.0, (count, len(ARTICULATION))).astype(np.float32)
    rows[:, 2] = rng.uniform(-1.0, 1.0, count)  # place: spread to round
    rows[:, 3:5] *= rng.uniform(size=(count, 2)) < 0.3  # mostly vowels
    face += mouth_offsets(rows)
    lids = [K.LID_LEFT, K.LID_RIGHT]
    closed = rng.uniform(-0.5, 1.0, (count, 1)).clip(0.0)
    face[:, lids, 1] += LID_TRAVEL * closed.astype(np.float32)
    face[:, K.GAZE, :2] += rng.uniform((-0.03, -0.015), (0.03, 0.015), (count, 2))
    named = [EMOTIONS[i] for i in rng.integers(len(EMOTIONS), size=count)]
    moods = [emotion_offsets(Controls(e, float(rng.uniform()))) for e in named]
    add_mood(motion, np.stack(moods), rows[:, 0], rows[:, 4])
    motion[:, [PITCH, YAW, ROLL]] = rng.uniform(-1, 1, (count, 3)) * ANGLES
    motion[:, SCALE] = rng.uniform(0.98, 1.02, count)
    motion[:, TRANSLATION] = rng.uniform(-0.01, 0.01, (count, 3))
    return motion


def keypoint_errors(avatar: EmbeddedAvatar, motion: FloatArray) -> FloatArray:
    """Distances [21] in pixels between commanded and rendered keypoints of a frame ``[70]``.

    Of keypoints on the skin it is measured what the frame's map shows at the commanded place. Lids
    and irises are followed through the face's field from where they are put on it; they move along
    the head's own axes. The tongue (NaN) lies on no map and is not measured.
    """
    pose, terms = read_pose(motion), face_terms(read_pose(motion))
    commanded = drive(avatar.canonical, motion[None])[0, :, :2]
    errors = np.zeros(len(Keypoint), np.float32)
    for key in WARPING:
        shown = _shown_at(avatar, pose, terms, _sheet_of(key), commanded[key])
        errors[key] = np.linalg.norm(shown - avatar.canonical[key, :2])
    gaze = pose.offsets[K.GAZE, :2]
    aims = []
    for key, rect in zip((K.LID_LEFT, K.LID_RIGHT), avatar.eyes.rects, strict=True):
        closed = pose.offsets[key, :2]
        still = commanded[key] - pose.scale * closed
        drawn = _driven(avatar.face_field, pose, terms, avatar.canonical[key, :2] + closed)
        errors[key] = np.linalg.norm(drawn - still - closed @ pose.linear)
        middle = np.array((rect.x + rect.width / 2, rect.y + rect.height / 2), np.float32)
        texture = avatar.frame.moved(avatar.face.x, avatar.face.y)
        eye = (middle - (texture.x, texture.y)) / texture.gain
        still = _driven(avatar.face_field, pose, terms, eye)
        moved = _driven(avatar.face_field, pose, terms, eye + gaze) - still
        aims.append(np.linalg.norm(moved - gaze @ pose.linear))
    errors[K.GAZE] = max(aims)
    errors[K.TONGUE] = np.nan
    return errors * np.float32(avatar.frame.gain)


def _sheet_of(key: Keypoint) -> int:
    """The sheet on which the decoder draws the skin around a keypoint."""
    return LOWER if key in LOWER_LIP else UPPER if key in UPPER_LIP else SKIN


def _shown_at(
    avatar: EmbeddedAvatar, pose: Pose, terms: FloatArray, sheet: int, place: FloatArray
) -> FloatArray:
    """Canonical place of the portrait [2] that a frame shows at the canonical ``place``."""
    field = avatar.face_field if sheet == SKIN else avatar.mouth.lips.field
    step = avatar.face_step if sheet == SKIN else avatar.mouth_step
    frame = avatar.frame
    x, y = frame.index(place).tolist()
    rect = Rect(int(x // step - 1) * step, int(y // step - 1) * step, 4 * step, 4 * step)
    start = start_places(rect, step, frame, field.chart, pose.inverse, pose.shift)
    displacement = field.displacement(terms)[max(sheet - UPPER, 0)]
    maps = enlarged(invert(displacement, start, field.guess(terms)), step)
    here = np.array([[x - rect.x]], np.float32), np.array([[y - rect.y]], np.float32)
    index = np.array([sampled_values(values, *here)[0, 0] for values in maps], np.float32)
    shown: FloatArray = (index - (field.chart.x, field.chart.y)) / field.chart.gain
    return shown


def _driven(field: FaceField, pose: Pose, terms: FloatArray, place: FloatArray) -> FloatArray:
    """Where a frame shows the canonical ``place [2]`` of the portrait."""
    moved = place + field.at(place[None])[0, 0] @ terms
    driven: FloatArray = moved @ pose.linear + pose.shift
    return driven


class Cells:
    """The cells of a face's fields whose folds would be seen."""

    def __init__(self, avatar: EmbeddedAvatar) -> None:
        self._avatar = avatar
        face = np.zeros((avatar.size, avatar.size), np.uint8)
        avatar.face.rect.cut(face)[:] = avatar.face.pixels[..., 3]
        skin, lips = avatar.face_field, avatar.mouth.lips.field
        shown = _at_cells(skin, avatar.frame, face) > 0
        reach = BAND - FADE
        self._fields = [(skin, 0, shown & ~self._by_seam(skin, -reach, reach))]
        self._fields += [(lips, 0, self._by_seam(lips, -reach, 0.0))]
        self._fields += [(lips, 1, self._by_seam(lips, 0.0, reach))]

    def _by_seam(self, field: FaceField, above: float, below: float) -> BoolArray:
        """Cells between the corners of the mouth, so far from the seam."""
        x, y = _cell_places(field)
        seam = self._avatar.mouth.lips.seam
        away = y - np.interp(x, seam[:, 0], seam[:, 1])
        inside: BoolArray = (x > seam[0, 0]) & (x < seam[-1, 0]) & (away > above) & (away < below)
        return inside

    def least_area(self, motion: FloatArray) -> float:
        """Least area of a cell after one motion ``[70]``, as a share of its area at rest."""
        terms = face_terms(read_pose(motion))
        return min(
            float(_areas(field.displacement(terms)[sheet])[cells].min())
            for field, sheet, cells in self._fields
        )


def _areas(displacement: FloatArray) -> FloatArray:
    """Least signed area of the four corners of each cell, in cells at rest [rows, cols]."""
    rows, columns = displacement.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    across = np.diff(np.stack([x, y], -1) + displacement[..., :2], axis=1)
    down = np.diff(np.stack([x, y], -1) + displacement[..., :2], axis=0)
    sides = [(a, d) for a in (across[:-1], across[1:]) for d in (down[:, :-1], down[:, 1:])]
    areas = [a[..., 0] * d[..., 1] - a[..., 1] * d[..., 0] for a, d in sides]
    least: FloatArray = np.min(areas, axis=0)
    return least


def _cell_places(field: FaceField) -> tuple[FloatArray, FloatArray]:
    rows, columns = field.basis.shape[1:3]
    y, x = np.mgrid[: rows - 1, : columns - 1].astype(np.float32) + 0.5
    return (x - field.chart.x) / field.chart.gain, (y - field.chart.y) / field.chart.gain


def _at_cells(field: FaceField, frame: Chart, picture: ImageArray) -> ImageArray:
    x, y = _cell_places(field)
    places = frame.index(np.stack([x, y], -1))
    columns, rows = np.moveaxis(np.rint(places).astype(int), -1, 0)
    size = len(picture)
    inside = (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
    clipped = picture[rows.clip(0, size - 1), columns.clip(0, size - 1)]
    found: ImageArray = np.where(inside, clipped, 0)
    return found


def largest_jump(avatar: EmbeddedAvatar, motion: FloatArray) -> float:
    """Largest change of a block in one substep, beyond its usual one, in levels of 255.

    From each of ``motion [n, 70]`` the face glides a little towards the next; a layer that appears
    from one picture to the next makes tens of levels.
    """
    renderer = EmbeddedRenderer()
    side = avatar.size // BLOCK
    largest = 0.0
    for before, after in itertools.pairwise(motion):
        shares = np.linspace(0, GLIDE, SUBSTEPS + 1, dtype=np.float32)[:, None]
        luma = renderer.render(avatar, before + shares * (after - before))[:, : avatar.size]
        blocks = np.stack(
            [
                cv2.resize(f.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
                for f in luma
            ]
        )
        steps = np.abs(np.diff(blocks, axis=0))
        largest = max(largest, float((steps.max(0) - np.median(steps, axis=0)).max()))
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold faces against the motions they are given.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--motions", type=int, default=10_000, help="for folds, over all avatars")
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    results: dict[str, float | int | None] = {"motions": options.motions}
    names = avatar_names()
    share = max(options.motions // len(names), 1)
    errors, areas, jumps = [], [], []
    for number, name in enumerate(names):
        avatar = open_avatar(name, options.size)
        motions = sampled_motions(share, seed=number)
        errors += [keypoint_errors(avatar, motion) for motion in motions[: max(share // 10, 1)]]
        cells = Cells(avatar)
        areas += [cells.least_area(motion) for motion in motions]
        jumps.append(largest_jump(avatar, motions[: max(min(share // 100, 24), 2)]))
    table = np.stack(errors)
    for key in [key for key in Keypoint if key != K.TONGUE]:
        results[f"error_px_max.{key.name.lower()}"] = float(table[:, key].max())
    results["error_px_max"] = float(np.nanmax(table))
    results["error_px_median"] = float(np.nanmedian(table))
    results["error_px_p99"] = float(np.nanpercentile(table, 99))
    results["folds"] = int(np.sum(np.array(areas) <= 0))
    results["least_area_share"] = min(areas)
    results["largest_jump_levels"] = max(jumps)
    show("geometry", results, as_json=options.json)


if __name__ == "__main__":
    main()
