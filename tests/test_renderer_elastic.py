"""The solver of the elastic field against the plain solution of all unknowns at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from renderer.elastic import solve_bands


def test_bands_solve_the_whole_system() -> None:
    rng = np.random.default_rng(1)
    sizes = [5, 3, 7, 4]
    ends = np.cumsum(sizes)
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    whole = 20 * np.eye(sum(sizes))
    for above, part in pairwise(parts):
        whole[part, above] = rng.normal(size=whole[part, above].shape)
        whole[above, part] = whole[part, above].T
    right = rng.normal(size=(len(whole), 2))
    solution = solve_bands(
        [whole[part, part] for part in parts],
        [whole[part, above] for above, part in pairwise(parts)],
        [right[part] for part in parts],
    )
    np.testing.assert_allclose(whole @ solution, right, atol=1e-9)
