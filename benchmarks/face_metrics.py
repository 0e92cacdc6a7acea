"""How lively and how calm a face is, in numbers, from the embedded family's keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from benchmarks.lipsync_metrics import BoolArray, correlation, opening
from motion.contract import SAMPLES_PER_FRAME
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import FPS, PITCH, ROLL, YAW, FloatArray, expression

CLOSED_GAP: Final = 0.01
"""Gap between the lips, in canonical units, that looks closed (2.6 pixels of 512)."""

_HEAD: Final = [PITCH, YAW, ROLL]


def closed_share(motion: FloatArray) -> float:
    """Share of frames with the mouth closed."""
    return float(np.mean(opening(motion) <= CLOSED_GAP))


def blinks_per_minute(motion: FloatArray) -> float:
    """How often the lids close by more than half."""
    lids = expression(motion)[:, [Keypoint.LID_LEFT, Keypoint.LID_RIGHT], 1].mean(axis=1)
    shut = lids > 0.5 * LID_TRAVEL
    starts = np.count_nonzero(shut[1:] & ~shut[:-1])
    return float(starts / (len(motion) / FPS / 60.0))


def head_motion(motion: FloatArray) -> dict[str, float]:
    """The head's range in degrees, its speed in degrees per second, its drift over the clip."""
    angles = motion[:, _HEAD]
    third = max(1, len(angles) // 3)
    return {
        "head_range_deg": float(np.ptp(angles, axis=0).max()),
        "head_speed_deg_s": float(np.abs(np.diff(angles, axis=0)).mean() * FPS),
        "head_drift_deg": float(np.abs(angles[-third:].mean(0) - angles[:third].mean(0)).max()),
    }


def join_jump_ratio(motion: FloatArray, chunk: int) -> float:
    """Mean change between frames where chunks join, relative to elsewhere."""
    active = motion.std(axis=0) > 1e-4
    change = np.abs(np.diff(motion[:, active], axis=0)) / motion[:, active].std(axis=0)
    joins = np.arange(1, len(motion)) % chunk == 0
    if joins.all():
        return 1.0
    return float(change[joins].mean() / change[~joins].mean())


def jerk(motion: FloatArray) -> float:
    """Mean absolute third difference of the lip opening, in canonical units per frame cubed."""
    return float(np.abs(np.diff(opening(motion), n=3)).mean())


def lip_speed(motion: FloatArray, share: float) -> float:
    """Quantile ``share`` of the speed of the lip opening, in canonical units per second."""
    return float(np.quantile(np.abs(np.diff(opening(motion))), share) * FPS)


def theval(motion: FloatArray, speech: FloatArray, spoken: BoolArray) -> dict[str, float]:
    """The part of THEval (arXiv 2511.04520) that needs no network, on our keypoints.

    ``spoken [n]`` marks the frames with speech. Lip sync is the correlation in speech of the lip
    opening with the level of the sound. Silent lips are the opening's deviation in silence and
    dynamics its mean change per frame in speech, both relative to its deviation in speech.
    """
    level = np.sqrt(
        (speech[: len(motion) * SAMPLES_PER_FRAME].reshape(len(motion), -1) ** 2).mean(1)
    )
    gap = opening(motion)
    size = float(gap[spoken].std()) + 1e-9
    moving = np.abs(np.diff(gap))[spoken[1:]]
    return {
        "lip_sync": correlation(gap[spoken], level[spoken]),
        "silent_lips": float(gap[~spoken].std()) / size,
        "lip_dynamics": float(moving.mean()) / size,
        "blinks_per_minute": blinks_per_minute(motion),
        **head_motion(motion),
    }


def diversity(takes: Sequence[FloatArray]) -> dict[str, float]:
    """Deviation between motions [n, 70] of the same speech, relative to that over time."""
    stack = np.stack(takes)
    gaps = np.stack([opening(take) for take in takes])
    head = stack[..., _HEAD]
    return {
        "head": float((head.std(axis=0).mean(axis=0) / head.std(axis=1).mean(axis=0)).mean()),
        "mouth": float(gaps.std(axis=0).mean() / gaps.std(axis=1).mean()),
    }
