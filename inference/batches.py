"""Batches of a few fixed sizes, for engines that are built or captured per shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Self

import torch
from torch import Tensor

BATCHES: Final = (1, 2, 4, 8)
"""Sizes that suit frames and, from 2 on, the two passes of guided windows."""


class StaticBatches:
    """Implements :data:`inference.engine.Engine` on an engine that sees only some batch sizes.

    A batch is filled up to the next size with copies of its last row, and one that is larger
    than the largest size is split.
    """

    def __init__(self, engine: Callable[..., Tensor], sizes: tuple[int, ...] = BATCHES) -> None:
        """Raises ValueError unless ``sizes`` are positive and increasing."""
        if not sizes or sizes[0] < 1 or list(sizes) != sorted(set(sizes)):
            raise ValueError(f"batch sizes must be positive and grow, not {sizes}")
        self._engine = engine
        self._sizes = sizes

    def __call__(self, *inputs: Tensor) -> Tensor:
        rows, largest = len(inputs[0]), self._sizes[-1]
        parts = [
            self._run([value[start : start + largest] for value in inputs])
            for start in range(0, rows, largest)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def warmed_up(self, examples: Mapping[str, Tensor]) -> Self:
        """Run every size once, so that none has to be prepared in the middle of a session."""
        for size in self._sizes:
            self(*(value[:1].expand(size, *value.shape[1:]) for value in examples.values()))
        return self

    def _run(self, inputs: list[Tensor]) -> Tensor:
        rows = len(inputs[0])
        size = next(size for size in self._sizes if size >= rows)
        filled = [
            torch.cat([value, value[-1:].expand(size - rows, *value.shape[1:])]) for value in inputs
        ]
        return self._engine(*(filled if size > rows else inputs))[:rows]
