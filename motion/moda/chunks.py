"""Sessions' requests for motion, taken up chunk by chunk so that sessions share batches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np

from motion.contract import MotionRequest, Stepped
from motion.layout import MOTION_DIM, FloatArray

StateT = TypeVar("StateT")
ChunkT = TypeVar("ChunkT")


def in_chunks(
    requests: Sequence[MotionRequest[StateT]],
    size: int,
    take: Callable[[StateT, MotionRequest[StateT], int], ChunkT],
    kind: Callable[[ChunkT], Hashable],
    sample: Callable[[list[ChunkT]], Sequence[tuple[FloatArray, list[StateT]]]],
) -> list[Stepped[StateT]]:
    """The motion of all requests, at most ``size`` frames of each at a time.

    ``take(state, request, start)`` is the chunk that begins with frame ``start`` of a request.
    Chunks of the same ``kind`` are one batch for ``sample``, which gives the motion [n, 70] of each
    and the states after each of its n frames.
    """
    motions = [[np.zeros((0, MOTION_DIM), np.float32)] for _ in requests]
    states = [[request.state] for request in requests]
    longest = max((len(request.features) for request in requests), default=0)
    for start in range(0, longest, size):
        alike: dict[Hashable, dict[int, ChunkT]] = {}
        for i, request in enumerate(requests):
            if len(request.features) > start:
                chunk = take(states[i][-1], request, start)
                alike.setdefault(kind(chunk), {})[i] = chunk
        for chunks in alike.values():
            sampled = sample(list(chunks.values()))
            for i, (motion, after) in zip(chunks, sampled, strict=True):
                motions[i].append(motion)
                states[i] += after
    return [(np.concatenate(parts), after) for parts, after in zip(motions, states, strict=True)]
