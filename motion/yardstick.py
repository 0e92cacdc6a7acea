"""A rule-based motion generator: the baseline that a trained model has to beat.

Spectral cues move the mouth, the idle process moves the rest, emotions are added as offsets. For
the keypoints of the embedded family (:mod:`motion.keypoints`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.articulation import ARTICULATION, Levels, articulate, initial_levels
from motion.attention import AttentionState, attend
from motion.contract import Identity, MotionGenerator, MotionRequest, Stepped
from motion.emotion import add_mood, ease, emotion_offsets
from motion.features import LogMelFeatures
from motion.head import ease_strength, scale_head
from motion.idle import IdleState, idle_motion, reseed
from motion.keypoints import LID_TRAVEL, LIDS
from motion.layout import MOTION_DIM, SCALE, FloatArray, expression
from motion.mouth import mouth_offsets

_TAPS: Final = np.array([0.2, 0.4, 0.3, 0.1], np.float32)
"""Smoothing over the rows k - 1 to k + 2, which makes frame k."""


_VOICE, _HEIGHT, _PLACE, _HISS, _CLOSURE, _STRESS = range(len(ARTICULATION))


@dataclass(frozen=True, slots=True)
class YardstickState:
    levels: Levels
    before: FloatArray
    """Articulation [1, 6] of the last row."""
    idle: IdleState
    mood: FloatArray
    """Offsets [70] of the emotion as far as it has been taken on."""
    head: float
    """Present strength of the head's motion."""
    attention: AttentionState


class Yardstick(MotionGenerator[YardstickState]):
    """Stateless, safe to share."""

    lookahead: int = len(_TAPS) - 2
    chunk: int = 1

    def init_state(self, identity: Identity) -> YardstickState:
        return YardstickState(
            levels=initial_levels(),
            before=np.zeros((1, len(ARTICULATION)), np.float32),
            idle=IdleState(),
            mood=np.zeros(MOTION_DIM, np.float32),
            head=1.0,
            attention=AttentionState(),
        )

    def steps(
        self, requests: Sequence[MotionRequest[YardstickState]]
    ) -> list[Stepped[YardstickState]]:
        return [self._step(request) for request in requests]

    def _step(self, request: MotionRequest[YardstickState]) -> Stepped[YardstickState]:
        state, controls = request.state, request.controls
        features, ahead = request.features, request.ahead
        request.check(LogMelFeatures.dim, self.lookahead)
        n = len(features)
        if n == 0:
            return np.zeros((0, MOTION_DIM), np.float32), (state,)
        history, heard = articulate(np.concatenate([features, ahead]), state.levels)
        # Rows that are not known yet are assumed to repeat the last one.
        missing = np.repeat(heard[-1:], self.lookahead - len(ahead), axis=0)
        rows = _settle(np.concatenate([state.before, heard, missing]))

        seeded = reseed(state.idle, controls.seed)
        motion, idle = idle_motion(seeded, rows[:, _VOICE], rows[:, _STRESS])
        motion[:, SCALE] += 1.0
        mood = ease(state.mood, emotion_offsets(controls), n)
        add_mood(motion, mood, rows[:, _VOICE], rows[:, _CLOSURE])
        expression(motion)[:] += mouth_offsets(rows)
        lids = expression(motion)[:, LIDS, 1]
        expression(motion)[:, LIDS, 1] = np.minimum(lids, LID_TRAVEL)
        attention = attend(motion, state.attention, controls.attention, controls.seed)
        heads = ease_strength(state.head, controls.head, n)
        scale_head(motion, heads)
        after = [
            YardstickState(
                levels=history[i],
                before=heard[i : i + 1],
                idle=idle[i + 1],
                mood=mood[i],
                head=float(heads[i]),
                attention=attention[i + 1],
            )
            for i in range(n)
        ]
        return motion, (state, *after)


def _settle(rows: FloatArray) -> FloatArray:
    """Smooth articulation: [n, 6] from the rows k - 1 to k + 2 of [n + 3, 6]."""
    n = len(rows) - len(_TAPS) + 1
    around = np.stack([rows[i : i + n] for i in range(len(_TAPS))])  # [4, n, 6]
    smooth: FloatArray = (_TAPS[:, None, None] * around).sum(axis=0)
    # Height and place mean something only as far as there is voice.
    voiced = _TAPS[:, None] * around[:, :, _VOICE]
    total = np.maximum(voiced.sum(axis=0), 1e-6)
    for column in (_HEIGHT, _PLACE):
        smooth[:, column] = (voiced * around[:, :, column]).sum(axis=0) / total
    # Lips close within speech only, and not for what hisses.
    speech = around[:, :, _VOICE].max(axis=0)
    smooth[:, _HISS] *= speech
    closure = around[:, :, _CLOSURE] * (1.0 - around[1:3, :, _HISS].max(axis=0))
    crisp = closure[1] + 0.25 * (closure[0] + closure[2])
    smooth[:, _CLOSURE] = np.minimum(crisp, 1.0) * speech
    return smooth
