"""The face shows what its motion commands, over the range of the motion model."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.geometry import Cells, keypoint_errors, largest_jump, sampled_motions
from renderer.library import avatar_names, open_avatar


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
