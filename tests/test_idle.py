"""The idle process: a stream of values that never jumps, whatever its seed does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from motion.finish import smooth
from motion.head import ease_strength
from motion.idle import Event, IdleState, idle_motion, reseed
from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import FPS, MOTION_DIM, PITCH, ROLL, YAW, FloatArray, expression

HEAD = [PITCH, YAW, ROLL]
FRAMES = 150

chunkings = st.lists(st.integers(1, 9), min_size=FRAMES // 9, max_size=FRAMES)


def syllables(frames: int) -> tuple[FloatArray, FloatArray]:
    """Voice and stress [n] of somebody who speaks without a pause."""
    stress = 0.3 + 0.6 * np.sin(np.arange(frames) / 4.0)
    return np.ones(frames, np.float32), stress.clip(0.0, 1.0).astype(np.float32)


def stream(chunks: list[int], seeds: dict[int, int], state: IdleState | None = None) -> FloatArray:
    """Motion of speech in chunks; ``seeds`` says from which frame on which seed is asked for."""
    voice, stress = syllables(sum(chunks))
    state = state or IdleState()
    parts, at, seed = [], 0, state.seed
    for n in chunks:
        seed = seeds.get(at, seed)
        part, (*_, state) = idle_motion(
            reseed(state, seed), voice[at : at + n], stress[at : at + n]
        )
        parts.append(part)
        at += n
    return np.concatenate(parts)


@settings(max_examples=20, deadline=None)
@given(chunks=chunkings, seed=st.integers(0, 2**32 - 1))
def test_streaming_equals_offline(chunks: list[int], seed: int) -> None:
    whole = stream([sum(chunks)], {0: seed})
    np.testing.assert_allclose(stream(chunks, {0: seed}), whole, rtol=0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seeds=st.dictionaries(st.integers(1, FRAMES - 1), st.integers(0, 99), max_size=12))
def test_the_head_does_not_jump_however_often_it_is_reseeded(seeds: dict[int, int]) -> None:
    motion = stream([1] * FRAMES, seeds)
    assert np.abs(np.diff(motion[:, HEAD], axis=0)).max() < 1.8, "degrees in a frame"


def test_reseeding_changes_the_motion_in_the_end() -> None:
    motion, other = stream([1] * FRAMES, {}), stream([1] * FRAMES, {40: 7, 44: 8})
    assert np.array_equal(motion[:40], other[:40])
    assert np.abs(motion[80:, YAW] - other[80:, YAW]).max() > 0.5
    late = stream([1] * FRAMES, {40: 8})
    np.testing.assert_allclose(other[80:, YAW], late[80:, YAW], atol=1e-6)


def test_a_hundred_hours_on_it_moves_as_at_first() -> None:
    frame = 100 * 3600 * 25
    late = IdleState(
        frame=frame,
        blink=Event(100_000, frame + 30, frame + 37),
        look=Event(300_000, frame, frame + 20),
        accent=Event(200_000, frame - 13, frame),
    )
    for motion in (stream([500], {}), stream([500], {}, late)):
        steps = np.abs(np.diff(motion[:, HEAD], axis=0))
        assert steps.max() < 1.8
        assert (steps.mean(axis=0) > 0.005).all()


@settings(max_examples=20, deadline=None)
@given(chunks=chunkings)
def test_smoothing_and_easing_do_not_see_the_chunks(chunks: list[int]) -> None:
    frames = sum(chunks)
    drawn = np.random.default_rng(0).standard_normal((frames, MOTION_DIM), np.float32)
    zero = np.zeros(MOTION_DIM, np.float32)
    outputs, settling = smooth(drawn, zero, zero)
    strengths = ease_strength(1.0, 0.2, frames)
    at, before, shown, strength = 0, zero, zero, 1.0
    for n in chunks:
        part, after = smooth(drawn[at : at + n], before, shown)
        eased = ease_strength(strength, 0.2, n)
        np.testing.assert_array_equal(part, outputs[at : at + n])
        np.testing.assert_array_equal(after, settling[at : at + n])
        np.testing.assert_allclose(eased, strengths[at : at + n], atol=1e-6)
        before, shown, strength = after[-1], part[-1], float(eased[-1])
        at += n


def test_faces_of_different_seeds_do_not_begin_with_the_same_blink() -> None:
    still = np.zeros(250, np.float32)
    first = set()
    for seed in range(8):
        motion, _ = idle_motion(IdleState(seed), still, still)
        closed = expression(motion)[:, Keypoint.LID_LEFT, 1] > 0.5 * LID_TRAVEL
        first.add(int(np.argmax(closed)))
    assert min(first) >= FPS
    assert len(first) > 4
