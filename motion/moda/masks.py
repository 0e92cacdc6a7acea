"""The attention mask that makes MoDA causal: which frames a token may attend to.

Tokens are in the network's order: motion, audio, then emotion and identity. The mask is strict
through all layers: motion in chunk c depends on motion up to the end of that chunk and on audio
up to ``after`` frames beyond its own frame, however many blocks there are, because

- motion sees motion of its own and of earlier chunks (block-causal),
- motion sees audio from ``before`` frames before to ``after`` frames after its own (MoCha's
  window, eq. 4, which at one latent per frame is ``before = after = 1``),
- audio sees audio of its own and of the ``before`` frames before it and never motion, else the
  look-ahead would grow with every block,
- emotion and identity have no time: they are seen by all and see only each other.
"""

from __future__ import annotations

import torch
from torch import Tensor


def chunk_mask(chunk_of: Tensor, audio: int, *, before: int, after: int) -> Tensor:
    """Boolean mask [N + audio + 2, N + audio + 2] (True: row may see column).

    ``chunk_of [N]`` numbers the chunks that the frames belong to, rising along the window; chunks
    may differ in size. Emotion and identity have one token each.
    """
    frames, device = len(chunk_of), chunk_of.device
    total = frames + audio + 2
    mask = torch.zeros(total, total, dtype=torch.bool, device=device)
    mask[:, frames + audio :] = True
    mask[:frames, :frames] = chunk_of[None, :] <= chunk_of[:, None]

    motion_at = torch.arange(frames, device=device)
    audio_at = torch.arange(audio, device=device)
    lead = audio_at[None, :] - motion_at[:, None]
    mask[:frames, frames : frames + audio] = (lead >= -before) & (lead <= after)

    lag = audio_at[:, None] - audio_at[None, :]
    mask[frames : frames + audio, frames : frames + audio] = (lag >= 0) & (lag <= before)
    return mask
