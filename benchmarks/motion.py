"""What the causal MoDA costs on one thread.

    python -m benchmarks.motion --json

Sessions take turns, as in a server. ``cores_per_session_<n>`` is CPU seconds per second of motion
and session, features included, with n sessions.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.report import percentile, show
from motion.contract import SAMPLES_PER_FRAME, Controls, MotionGenerator, MotionRequest
from motion.features import LogMelFeatures
from motion.generator import BUILT_IN, CausalMoDA
from motion.layout import FPS, FloatArray
from motion.yardstick import Yardstick
from renderer.library import avatar_names, open_avatar

_SESSIONS: Final = (1, 4, 8)
_CHUNKS: Final = (1, 2, 4, 8)


def speech(seconds: float) -> FloatArray:
    """Noise that swells as syllables do."""
    frames = round(seconds * FPS)
    random = np.random.default_rng(0)
    noise = 0.1 * random.standard_normal(frames * SAMPLES_PER_FRAME)
    swell = np.abs(np.sin(np.arange(len(noise)) * (np.pi * 4.0 / 16_000)))
    sound: FloatArray = (noise * swell).astype(np.float32)
    return sound


def drive(
    generator: MotionGenerator[Any], sessions: int, chunk: int, seconds: float
) -> tuple[list[float], float]:
    """Seconds of each step, and CPU seconds per second of motion and session."""
    extractor = LogMelFeatures()
    identity = open_avatar(avatar_names()[0], 256)
    sound = speech(seconds)
    states = [generator.init_state(identity) for _ in range(sessions)]
    heard = [extractor.init_state() for _ in range(sessions)]
    rows = [np.zeros((0, extractor.dim), np.float32) for _ in range(sessions)]
    wanted = chunk + generator.lookahead
    taken = 0
    steps = []
    began = time.process_time()
    while taken + wanted * SAMPLES_PER_FRAME <= len(sound):
        start = time.perf_counter()
        for i in range(sessions):
            missing = (wanted - len(rows[i])) * SAMPLES_PER_FRAME
            at = taken + len(rows[i]) * SAMPLES_PER_FRAME
            fresh, (*_, heard[i]) = extractor.step(heard[i], sound[at : at + missing])
            rows[i] = np.concatenate([rows[i], fresh])
        made = generator.steps(
            [
                MotionRequest(states[i], rows[i][:chunk], rows[i][chunk:], Controls(seed=i))
                for i in range(sessions)
            ]
        )
        states = [after[-1] for _, after in made]
        rows = [row[chunk:] for row in rows]
        steps.append(time.perf_counter() - start)
        taken += chunk * SAMPLES_PER_FRAME
    spent = time.process_time() - began
    return steps, spent / (taken / SAMPLES_PER_FRAME / FPS) / sessions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="folder of a shipped model")
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds of motion per figure")
    parser.add_argument("--chunk", type=int, default=4, help="frames that sessions make at a time")
    options = parser.parse_args()

    generator = CausalMoDA.load(options.model)
    drive(generator, 1, options.chunk, 2.0)
    results: dict[str, float | int | None] = {}
    for chunk in _CHUNKS:
        steps, cores = drive(generator, 1, chunk, options.seconds)
        results[f"chunk{chunk}_ms_median"] = 1e3 * statistics.median(steps)
        results[f"chunk{chunk}_ms_p95"] = 1e3 * (percentile(steps, 0.95) or 0.0)
        results[f"chunk{chunk}_cores"] = cores
    for sessions in _SESSIONS:
        _, cores = drive(generator, sessions, options.chunk, options.seconds / sessions)
        results[f"cores_per_session_{sessions}"] = cores
    _, results["yardstick_cores"] = drive(Yardstick(), 1, options.chunk, options.seconds)

    first = []
    for _ in range(20):
        steps, _ = drive(generator, 1, 1, (2 + generator.lookahead) / FPS)
        first.append(steps[0])
    waiting = 1000.0 * (1 + generator.lookahead) / FPS
    results["first_frame_compute_ms"] = 1e3 * statistics.median(first)
    results["first_frame_ms"] = waiting + 1e3 * statistics.median(first)
    show("motion", results, as_json=options.json)


if __name__ == "__main__":
    main()
