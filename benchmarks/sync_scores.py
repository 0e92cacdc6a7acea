"""Sync-C and Sync-D (Chung and Zisserman 2016) by our own sync expert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from benchmarks.lipsync_metrics import Take
from motion.features import LogMelFeatures
from motion.training.sync import SyncExpert

_OFFSETS: Final = range(-15, 16)


def sync_scores(expert: SyncExpert, takes: Sequence[Take]) -> dict[str, float]:
    """Distance between sound and lips at the best offset, and how much larger it is at others.

    Distances are between unit vectors, 0 to 2, so the numbers compare with each other, but not with
    those of the published network.
    """
    statistics = expert.statistics()
    sums = np.zeros(len(_OFFSETS))
    for take in takes:
        features, _ = LogMelFeatures().step(LogMelFeatures().init_state(), take.utterance.speech)
        with torch.inference_mode():
            sound = expert.hear(torch.from_numpy(features)[None])[0].numpy()
            lips = expert.watch(torch.from_numpy(statistics.normalise(take.motion))[None])[
                0
            ].numpy()
        edge = _OFFSETS[-1]
        middle = np.arange(edge, len(sound) - edge)
        for i, offset in enumerate(_OFFSETS):
            sums[i] += np.linalg.norm(sound[middle] - lips[middle + offset], axis=1).mean()
    distances = sums / len(takes)
    best = float(distances.min())
    return {"sync_d": best, "sync_c": float(np.median(distances)) - best}
