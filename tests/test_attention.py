"""Listening and thinking show in the face: soon, smoothly, and differently from speaking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motion.attention import AttentionState, attend
from motion.contract import Attention, Controls, MotionGenerator
from motion.features import LogMelFeatures
from motion.generator import CausalMoDA
from motion.idle import GAZE_PER_DEGREE
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import PITCH, YAW, FloatArray, expression, neutral_motion
from motion.yardstick import Yardstick
from tests.test_generator import Face, folder

__all__ = ["folder"]

BROWS = [Keypoint.BROW_INNER_LEFT, Keypoint.BROW_INNER_RIGHT]


def show(*manners: tuple[Attention, int], seed: int = 1) -> FloatArray:
    """A face at rest [n, 70] that shows each manner for some frames."""
    state, parts = AttentionState(), []
    for attention, frames in manners:
        part = neutral_motion(frames)
        state = attend(part, state, attention, seed)[-1]
        parts.append(part)
    return np.concatenate(parts)


def test_nothing_is_added_while_idle_or_speaking() -> None:
    assert np.array_equal(show(("idle", 20), ("speaking", 20)), neutral_motion(40))


def test_it_reacts_within_200_ms_to_somebody_who_begins_to_speak() -> None:
    motion = show(("idle", 25), ("listening", 100))
    raised = -expression(motion)[:, BROWS, 1].mean(1)
    assert raised[24] == 0
    assert raised[25 + 4] > 0.008, "2 pixels of a picture 256 pixels per unit wide"
    assert raised[25 + 4] > 1.5 * raised[-1], "more at first than later on"
    lids = expression(motion)[:, Keypoint.LID_LEFT, 1]
    assert lids[-1] < -0.003, "wide awake"


def test_it_nods_while_it_listens() -> None:
    motion = show(("listening", 25 * 20))
    chin = motion[:, PITCH]
    dips = np.flatnonzero((chin[1:-1] < chin[:-2]) & (chin[1:-1] <= chin[2:]) & (chin[1:-1] < -2.5))
    assert 4 <= len(dips) <= 15, "in 20 s"
    assert len(set(np.diff(dips))) > 2, "not like a machine"
    other = show(("listening", 25 * 20), seed=2)
    assert not np.allclose(chin, other[:, PITCH])


def test_a_listener_keeps_eye_contact_however_the_mood_turns_the_head() -> None:
    motion = neutral_motion(50)
    motion[:, [PITCH, YAW]] = -3.0, 4.0
    attend(motion, AttentionState(), "listening", 1)
    gaze = expression(motion)[-1, Keypoint.GAZE]
    assert abs(gaze[0] + GAZE_PER_DEGREE * motion[-1, YAW]) < 1.5 * GAZE_PER_DEGREE
    assert abs(gaze[1] - GAZE_PER_DEGREE * motion[-1, PITCH]) < 1.5 * GAZE_PER_DEGREE


def test_in_thought_it_looks_up_and_aside() -> None:
    aside = []
    for seed in range(12):
        motion = show(("thinking", 25), seed=seed)
        gaze = expression(motion)[-1, Keypoint.GAZE]
        assert gaze[1] < -0.01, "up"
        assert np.sign(gaze[0]) == np.sign(motion[-1, YAW])
        assert abs(gaze[0]) < 0.036
        aside.append(np.sign(gaze[0]))
    assert set(aside) == {-1.0, 1.0}


def test_closed_eyes_stay_closed() -> None:
    motion = neutral_motion(25)
    expression(motion)[:, [Keypoint.LID_LEFT, Keypoint.LID_RIGHT], 1] = LID_TRAVEL
    attend(motion, AttentionState(), "listening", 1)
    assert np.allclose(expression(motion)[:, Keypoint.LID_LEFT, 1], LID_TRAVEL)


def test_no_change_of_manner_makes_a_jump() -> None:
    manners: list[tuple[Attention, int]] = [
        ("listening", 7), ("thinking", 3), ("speaking", 9), ("listening", 40), ("idle", 2),
        ("listening", 5), ("thinking", 30), ("idle", 30),
    ]  # fmt: skip
    motion = show(*manners)
    steps = np.abs(np.diff(np.concatenate([neutral_motion(), motion]), axis=0))
    assert steps[:, PITCH].max() < 1.3
    assert steps[:, YAW].max() < 0.9
    assert expression(steps).max() < 0.008


def test_a_nod_ends_as_it_began_though_the_seed_changes() -> None:
    for seed in range(20):
        motion = neutral_motion(200)
        state = AttentionState()
        for start in range(0, 200, 4):
            state = attend(motion[start : start + 4], state, "listening", seed + start)[-1]
        assert np.abs(np.diff(motion[:, PITCH])).max() < 1.3


def test_chunks_join_without_a_trace() -> None:
    whole, parts = neutral_motion(200), neutral_motion(200)
    states = attend(whole, AttentionState(), "listening", 3)
    state = AttentionState()
    for start in range(0, 200, 7):
        state = attend(parts[start : start + 7], state, "listening", 3)[-1]
    assert np.array_equal(whole, parts)
    assert state == states[-1]
    assert len(states) == 201


def test_an_unknown_manner_is_refused() -> None:
    with pytest.raises(ValueError, match="dreaming"):
        Controls(attention="dreaming")  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["yardstick", "causal"])
def test_generators_show_it(family: str, folder: Path) -> None:
    model: MotionGenerator[Any] = CausalMoDA.load(folder) if family == "causal" else Yardstick()
    silence, _ = LogMelFeatures().step(
        LogMelFeatures().init_state(), np.zeros(52 * 640, np.float32)
    )
    _, states = model.step(model.init_state(Face()), silence[:25], silence[25:27], Controls(seed=4))
    idle, listening = (
        model.step(states[-1], silence[25:50], silence[50:], Controls(seed=4, attention=attention))[
            0
        ]
        for attention in ("idle", "listening")
    )
    change = expression(listening - idle)[:, BROWS, 1].mean(1)
    assert change[5] < -0.008
    assert np.abs(change[0]) < 0.005
