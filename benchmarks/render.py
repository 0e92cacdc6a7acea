"""What a frame of the embedded face costs on one thread, step by step.

    python -m benchmarks.render --json

The face talks all the time: mouth shapes blend, the head turns, eyes blink and look around.
``ms_per_frame`` is the thread's CPU time for one call of ``render`` with one frame, I420 output
included; so other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from avatar_server.conversation.espeak import EspeakTextToSpeech
from avatar_server.embedded import embedded_models
from avatar_server.offline import render_video
from benchmarks.report import percentile, show
from motion.contract import Controls
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import FPS, PITCH, ROLL, SCALE, TRANSLATION, YAW, FloatArray, expression
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer, draw, draw_face, draw_hair, draw_plate
from renderer.field import face_terms
from renderer.layer import Rect
from renderer.library import open_avatar
from renderer.mouth import draw_mouth
from renderer.pose import read_pose
from renderer.raster import over, sampled_pixels
from renderer.shapes import MOUTHS, mouth_motion
from renderer.warp import invert, pixel_places, start_places

SHAPE_FRAMES = 4
"""Frames from one mouth shape to the next, as in brisk speech."""
BATCH = 8
STORY = "The face reads a story that is long enough to be measured, and does not hurry. " * 4


def talking(frames: int) -> FloatArray:
    """Motion [frames, 70] of a talking face."""
    shapes = np.concatenate([mouth_motion(name) for name in MOUTHS])
    place = np.arange(frames) / SHAPE_FRAMES
    first, share = place.astype(int), (place % 1)[:, None]
    motion = (1 - share) * shapes[first % len(shapes)] + share * shapes[(first + 1) % len(shapes)]
    seconds = np.arange(frames) / FPS
    motion[:, PITCH] = 4 * np.sin(1.7 * seconds)
    motion[:, YAW] = 9 * np.sin(1.1 * seconds)
    motion[:, ROLL] = 3 * np.sin(0.8 * seconds)
    motion[:, SCALE] = 1.0
    motion[:, TRANSLATION.start + 1] = 0.006 * np.sin(1.6 * seconds)
    moving: FloatArray = motion.astype(np.float32)
    delta = expression(moving)
    lids = LID_TRAVEL * np.clip(1 - np.abs(seconds % 4 - 2) / 0.16, 0, 1)
    delta[:, [Keypoint.LID_LEFT, Keypoint.LID_RIGHT], 1] = lids[:, None]
    delta[:, Keypoint.GAZE, 0] = 0.012 * np.sign(np.sin(0.9 * seconds))
    return moving


def milliseconds(run: Callable[[FloatArray], object], motion: FloatArray) -> list[float]:
    """CPU time of ``run`` for each frame of ``motion``."""
    times = []
    for frame in motion:
        began = time.thread_time()
        run(frame)
        times.append((time.thread_time() - began) * 1e3)
    return times


def steps(avatar: EmbeddedAvatar) -> dict[str, Callable[[FloatArray], object]]:
    """The parts of a frame by name; they repeat what the decoder does."""
    first = read_pose(talking(1)[0])
    still = draw(avatar, first)
    field, face, step = avatar.face_field, avatar.face, avatar.face_step
    rect = face.rect.within(avatar.size, avatar.size)
    coarse = Rect(
        rect.x // step * step, rect.y // step * step, rect.width // step * step,
        rect.height // step * step,
    )  # fmt: skip
    chart = avatar.frame.moved(face.x, face.y)
    start = start_places(coarse, step, avatar.frame, field.chart, first.inverse, first.shift)
    still_field = field.displacement(face_terms(first))
    places = invert(still_field[0], start, field.guess(face_terms(first)))

    def remap(_: FloatArray) -> ImageArray:
        return sampled_pixels(face.pixels, *pixel_places(places, field.chart, chart, step))

    skin = remap(talking(1)[0])

    def eyes(frame: FloatArray) -> None:
        pose = read_pose(frame)
        texture = face.pixels.copy()
        gaze = pose.offsets[Keypoint.GAZE]
        left, right = (float(pose.offsets[k, 1]) for k in (Keypoint.LID_LEFT, Keypoint.LID_RIGHT))
        avatar.eyes.draw(texture, (left, right), float(gaze[0]), float(gaze[1]))

    def mouth(frame: FloatArray) -> None:
        pose = read_pose(frame)
        terms = face_terms(pose)
        draw_mouth(still, avatar.mouth, pose, terms, avatar.frame, avatar.mouth_step)

    return {
        "field": lambda frame: field.displacement(face_terms(read_pose(frame))),
        "invert": lambda _: invert(still_field[0], start, field.guess(face_terms(first))),
        "remap": remap,
        "blend": lambda _: over(coarse.cut(still), skin),
        "eyes": eyes,
        "mouth": mouth,
        "plate": lambda frame: draw_plate(avatar, read_pose(frame)),
        "face": lambda frame: draw_face(avatar, read_pose(frame), still),
        "hair": lambda frame: draw_hair(avatar, read_pose(frame), still),
        "i420": lambda _: cv2.cvtColor(still, cv2.COLOR_BGRA2YUV_I420),
    }


def realtime_factor(avatar: str) -> float:
    """How much faster than real time ``avatar-server render`` makes a video of speech."""
    models = embedded_models()

    async def render(out: Path) -> float:
        speech = EspeakTextToSpeech().synthesize(STORY, "en-us")
        return await render_video(
            models, models.avatar(avatar), speech, out, Controls(), lambda _: None
        )

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        seconds = asyncio.run(render(Path(folder) / "story.mp4"))
        return seconds / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what a frame costs.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--avatar", default="mira")
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 768])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    renderer = EmbeddedRenderer()
    motion = talking(options.frames)
    results: dict[str, float | int | None] = {}
    for size in options.sizes:
        began = time.perf_counter()
        avatar = open_avatar(options.avatar, size)
        prepared = (time.perf_counter() - began) * 1e3
        renderer.render(avatar, motion[:20])
        times = milliseconds(lambda m, a=avatar: renderer.render(a, m[None]), motion)  # type: ignore[misc]
        results[f"size_{size}.ms_per_frame_median"] = statistics.median(times)
        results[f"size_{size}.ms_per_frame_p95"] = percentile(times, 0.95)
        results[f"size_{size}.ms_prepare"] = prepared
        began = time.thread_time()
        for start in range(0, len(motion), BATCH):
            renderer.render(avatar, motion[start : start + BATCH])
        in_batches = (time.thread_time() - began) * 1e3 / len(motion)
        results[f"size_{size}.batch_{BATCH}.ms_per_frame_mean"] = in_batches
        if size == 512:
            results["ms_per_frame_median"] = statistics.median(times)
            results["ms_per_frame_p95"] = percentile(times, 0.95)
            results[f"batch_{BATCH}.ms_per_frame_mean"] = in_batches
            for name, run in steps(avatar).items():
                results[f"ms_{name}_median"] = statistics.median(milliseconds(run, motion))
    results["render_realtime_factor"] = realtime_factor(options.avatar)
    show("render", results, as_json=options.json)


if __name__ == "__main__":
    main()
