"""The published MoDA network under synthetic weights, built once for all tests."""

from __future__ import annotations

from functools import lru_cache

import torch

from motion.moda.config import PUBLISHED
from motion.moda.names import published_name
from motion.moda.network import Conditions, MoDA
from tests.parity import fill, manifest, tensor


@lru_cache
def network() -> MoDA:
    """All 373 million parameters, filled by name (5.5 s, 1.5 GB)."""
    with torch.device("meta"):
        moda = MoDA(PUBLISHED)
    weights = fill(manifest("moda_net"))
    state = {
        name: weights[published_name(name, PUBLISHED)].reshape(parameter.shape)
        for name, parameter in moda.state_dict().items()
    }
    moda.load_state_dict(state, assign=True)
    return moda.requires_grad_(False).eval()


def subclip_conditions() -> Conditions:
    """Inputs of the golden window."""
    return Conditions(
        audio=tensor("input.subclip.audio", (1, 80, 12, 768)),
        emotion=network().emotions(torch.tensor([3])),
        identity=0.3 * tensor("input.subclip.ref_kp", (1, 21, 3)).flatten(1),
        previous=tensor("input.subclip.prev", (1, 1, 70)),
    )
