"""The face shows what its motion commands, over the range of the motion model."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.folds import Cells
from benchmarks.geometry import keypoint_errors, sampled_motions
from benchmarks.steadiness import largest_jump, largest_speech_jump
from motion.keypoints import Keypoint
from renderer.library import avatar_names, open_avatar
from renderer.shapes import mouth_motion


@pytest.mark.parametrize("name", avatar_names())
def test_keypoints_lie_where_they_are_commanded_and_nothing_folds(name: str) -> None:
    avatar = open_avatar(name)
    motions = sampled_motions(40, seed=11)
    errors = np.stack([keypoint_errors(avatar, motion) for motion in motions])
    assert np.nanmax(errors) < 1.5
    assert np.nanmedian(errors) < 0.1
    cells = Cells(avatar)
    assert min(cells.least_area(motion) for motion in motions) > 0


def test_nothing_jumps_while_the_motion_glides() -> None:
    assert largest_jump(open_avatar("mira"), sampled_motions(5, seed=12)) < 10.0


@pytest.mark.parametrize(
    ("keypoint", "limit"),
    [(Keypoint.TONGUE, 0.0), (Keypoint.TONGUE, 0.012), (Keypoint.LOWER_INNER, 0.0)],
)
def test_nothing_jumps_where_lip_or_tongue_cross_a_limit(keypoint: Keypoint, limit: float) -> None:
    across = np.repeat(mouth_motion("ee"), 2, axis=0)
    across[:, 3 * keypoint + 2] = limit - 1e-4, limit + 1e-4
    assert largest_speech_jump(open_avatar("mira"), across) < 2.0
