"""``python -m benchmarks.geometry``: does the face show what its motion commands?

Motions are sampled from the range that the motion model is trained on, with heads turned by up to
20 degrees. Measured: how far keypoints are rendered from where they are commanded, whether the
face, the hair or what is behind them fold over themselves, and whether anything in the picture
jumps while the motion glides. Folds and jumps are also looked for in motion that the model makes of
speech, in all emotions.
"""

from __future__ import annotations

import argparse
import asyncio

import cv2
import numpy as np

from avatar_server.embedded import embedded_models
from benchmarks.filmstrip import SENTENCE, motion_of_speech, spoken
from benchmarks.folds import Cells
from benchmarks.report import show
from benchmarks.steadiness import largest_jump, largest_speech_jump
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
from renderer.elastic import LOWER, SKIN, UPPER
from renderer.field import FaceField, face_terms
from renderer.layer import Rect
from renderer.library import avatar_names, open_avatar
from renderer.pose import Pose, read_pose
from renderer.raster import enlarged, sampled_values
from renderer.rig import WARPING
from renderer.warp import invert, start_places

K = Keypoint
LOWER_LIP = {K.LOWER_INNER, K.LOWER_OUTER}
UPPER_LIP = {
    K.UPPER_INNER, K.UPPER_LEFT, K.UPPER_RIGHT, K.UPPER_OUTER, K.MOUTH_LEFT, K.MOUTH_RIGHT,
}  # fmt: skip
ANGLES = (15.0, 20.0, 12.0)
"""Largest pitch, yaw and roll that are sampled, in degrees."""


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

    For keypoints on the skin, it is the distance to what the frame's map shows at the commanded
    place. Lids and irises move along the head's own axes and are followed through the face's field.
    The tongue lies on no map and is not measured: NaN.
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
    """The sheet that shows the skin around a keypoint."""
    return LOWER if key in LOWER_LIP else UPPER if key in UPPER_LIP else SKIN


def _shown_at(
    avatar: EmbeddedAvatar, pose: Pose, terms: FloatArray, sheet: int, place: FloatArray
) -> FloatArray:
    """Canonical place [2] of the portrait that the frame shows at the canonical ``place``."""
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
    """Canonical place [2] at which the frame shows ``place [2]`` of the portrait."""
    moved = place + field.at(place[None])[0, 0] @ terms
    driven: FloatArray = moved @ pose.linear + pose.shift
    return driven


def spoken_motions(count: int) -> list[FloatArray]:
    """Clips of motion [n, 70] that the model makes of speech, ``count`` frames or more in all."""
    models = embedded_models()
    speech = asyncio.run(spoken(SENTENCE))
    clips: list[FloatArray] = []
    while sum(len(clip) for clip in clips) < count:
        mood = Controls(EMOTIONS[len(clips) % len(EMOTIONS)], seed=len(clips))
        clips.append(motion_of_speech(models, models.avatar(avatar_names()[0]), speech, mood))
    return clips


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare faces with their motion.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--motions", type=int, default=10_000, help="motions for folds, over all avatars"
    )
    parser.add_argument("--spoken", type=int, default=10_000, help="frames of speech for folds")
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    results: dict[str, float | int | None] = {"motions": options.motions}
    names = avatar_names()
    share = max(options.motions // len(names), 1)
    errors, areas, jumps = [], [], []
    clips = spoken_motions(options.spoken)
    spoken_areas, spoken_jumps = [], []
    for number, name in enumerate(names):
        avatar = open_avatar(name, options.size)
        motions = sampled_motions(share, seed=number)
        errors += [keypoint_errors(avatar, motion) for motion in motions[: max(share // 10, 1)]]
        cells = Cells(avatar)
        areas += [cells.least_area(motion) for motion in motions]
        spoken_areas += [
            cells.least_area(motion) for motion in np.concatenate(clips)[number :: len(names)]
        ]
        spoken_jumps.append(largest_speech_jump(avatar, clips[0]))
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
    results["spoken_motions"] = len(spoken_areas)
    results["spoken_folds"] = int(np.sum(np.array(spoken_areas) <= 0))
    results["spoken_least_area_share"] = min(spoken_areas)
    results["spoken_largest_jump_levels"] = max(spoken_jumps)
    show("geometry", results, as_json=options.json)


if __name__ == "__main__":
    main()
