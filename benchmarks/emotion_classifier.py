"""Recognises emotions in motion, having learned from the motion of the training corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from motion.contract import EMOTIONS, Controls, Emotion
from motion.emotion import emotion_offsets
from motion.layout import EXP, FloatArray
from motion.training.corpus import assemble, make_clip
from motion.training.espeak_voices import random_utterance

CLASSES: Final[tuple[Emotion, ...]] = EMOTIONS[:-1]
_RIDGE: Final = 1.0


class EmotionClassifier:
    """Ridge regression from the mean expression of a clip to the eight emotions."""

    def __init__(self, clips: int = 12, seed: int = 30_000) -> None:
        """Learn from ``clips`` of each emotion."""
        random = np.random.default_rng(seed)
        rows, truths = [], []
        for label, emotion in enumerate(CLASSES):
            for i in range(clips):
                controls = Controls(emotion, float(random.uniform(0.6, 1.0)))
                utterance = assemble([random_utterance(random)], 8.0, random)
                mood = emotion_offsets(controls)
                clip = make_clip(utterance, utterance.speech, controls, 100 * label + i, mood)
                rows.append(_summary(clip.motion))
                truths.append(np.eye(len(CLASSES))[label])
        inputs = np.stack(rows)
        self._mean, self._std = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
        x = np.pad((inputs - self._mean) / self._std, ((0, 0), (0, 1)), constant_values=1.0)
        self._weights = np.linalg.solve(
            x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ np.stack(truths)
        )

    def accuracy(self, takes: Sequence[tuple[Emotion, FloatArray]]) -> float:
        """Share of motions [n, 70] whose emotion is recognised."""
        right = [self._tell(motion) == emotion for emotion, motion in takes]
        return float(np.mean(right))

    def _tell(self, motion: FloatArray) -> Emotion:
        x = np.append((_summary(motion) - self._mean) / self._std, 1.0)
        return CLASSES[int(np.argmax(x @ self._weights))]


def _summary(motion: FloatArray) -> FloatArray:
    """Mean expression [63] after the first second, in which a face may still be changing."""
    mean: FloatArray = motion[25:, EXP].mean(axis=0)
    return mean
