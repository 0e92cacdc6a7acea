"""How well lips follow speech, in numbers, for motion of the embedded family's keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from motion.keypoints import Keypoint
from motion.layout import FPS, FloatArray, expression
from motion.training.coarticulation import frame_times
from motion.training.phonemes import PAUSE, Utterance
from motion.training.visemes import BILABIALS

BoolArray = npt.NDArray[np.bool_]

FALSE_CLOSURES: Final = 0.05
"""Share of frames without a labial that may look closed; it sets the threshold of closures."""

_MAX_LAG: Final = 6
_LABIALS: Final = BILABIALS | frozenset("fvɱβɸw")


@dataclass(frozen=True, slots=True)
class Take:
    """Motion [n, 70] made for an utterance, and the true motion."""

    utterance: Utterance
    truth: FloatArray
    motion: FloatArray


def opening(motion: FloatArray) -> FloatArray:
    """Gap between the lips [n]; negative where they are pressed together."""
    face = expression(motion)
    gap: FloatArray = face[:, Keypoint.LOWER_INNER, 1] - face[:, Keypoint.UPPER_INNER, 1]
    return gap


def jaw(motion: FloatArray) -> FloatArray:
    return expression(motion)[:, Keypoint.JAW, 1]


def width(motion: FloatArray) -> FloatArray:
    """How much wider than at rest the mouth is [n]."""
    face = expression(motion)
    wider: FloatArray = face[:, Keypoint.MOUTH_RIGHT, 0] - face[:, Keypoint.MOUTH_LEFT, 0]
    return wider


_MEASURES: Final = {"opening": opening, "jaw": jaw, "width": width}


def lip_metrics(takes: Sequence[Take]) -> dict[str, float]:
    """Correlations during speech, the best lag, and the share of bilabials that close."""
    speech = [spoken(take.utterance, len(take.truth)) for take in takes]
    results = {
        f"{name}_corr": correlation(
            np.concatenate([measure(t.truth)[s] for t, s in zip(takes, speech, strict=True)]),
            np.concatenate([measure(t.motion)[s] for t, s in zip(takes, speech, strict=True)]),
        )
        for name, measure in _MEASURES.items()
    }
    results["lag_ms"] = best_lag(takes, speech)
    results["bilabial_closed"] = bilabial_recall(takes)
    results["opening_gain"] = float(
        np.concatenate([opening(t.motion)[s] for t, s in zip(takes, speech, strict=True)]).std()
        / np.concatenate([opening(t.truth)[s] for t, s in zip(takes, speech, strict=True)]).std()
    )
    return results


def spoken(utterance: Utterance, frames: int) -> BoolArray:
    """Frames from the first to the last sound, without pauses of more than 200 ms."""
    times = frame_times(frames)
    inside = np.zeros(frames, bool)
    for segment in utterance.segments:
        if segment.ipa != PAUSE or segment.end - segment.start < 0.2:
            inside |= (times >= segment.start) & (times < segment.end)
    return inside


def best_lag(takes: Sequence[Take], speech: Sequence[BoolArray]) -> float:
    """Milliseconds by which the lips are late, -240 to 240."""
    scores = []
    lags = range(-_MAX_LAG, _MAX_LAG + 1)
    for lag in lags:
        truth, motion = [], []
        for take, inside in zip(takes, speech, strict=True):
            frames = np.flatnonzero(inside)
            frames = frames[(frames + lag >= 0) & (frames + lag < len(take.truth))]
            truth.append(opening(take.truth)[frames])
            motion.append(opening(take.motion)[frames + lag])
        scores.append(correlation(np.concatenate(truth), np.concatenate(motion)))
    return 1000.0 / FPS * lags[int(np.argmax(scores))]


def bilabial_recall(takes: Sequence[Take]) -> float:
    """Share of bilabials whose lips close within 40 ms, at :data:`FALSE_CLOSURES`.

    The lips count as closed where their gap is below a threshold, which is chosen so that 5 % of
    the spoken frames away from labials are below it too.
    """
    closures, others = [], []
    for take in takes:
        gap = opening(take.motion)
        padded = np.pad(gap, 1, mode="edge")
        narrowest = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
        away = spoken(take.utterance, len(gap))
        times = frame_times(len(gap))
        for segment in take.utterance.segments:
            if segment.ipa in BILABIALS:
                frame = int(0.5 * (segment.start + segment.end) * FPS)
                if frame < len(gap):
                    closures.append(narrowest[frame])
            if segment.ipa in _LABIALS or segment.ipa == PAUSE:
                away &= (times < segment.start - 0.08) | (times > segment.end + 0.08)
        others.append(gap[away])
    return _recall_at(np.array(closures), np.concatenate(others))


def _recall_at(closures: FloatArray, others: FloatArray) -> float:
    """Share of ``closures`` below the threshold that :data:`FALSE_CLOSURES` of ``others`` pass.

    Values equal to the threshold count in the share that brings ``others`` to 5 %.
    """
    threshold = np.quantile(others, FALSE_CLOSURES, method="inverted_cdf")
    ties = float(np.mean(others == threshold))
    admitted = (FALSE_CLOSURES - float(np.mean(others < threshold))) / ties
    return float(np.mean(closures < threshold) + admitted * np.mean(closures == threshold))


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Pearson's correlation; 0 if one of them is constant."""
    if len(a) < 2 or a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
