"""Attention masks that make MoDA causal: which frames a token may attend to.

Tokens are in the network's order: N motion, M audio, then emotion and identity. The mask is
strict through all layers: motion in chunk c depends on motion up to the end of that chunk and on
audio up to ``after`` frames beyond its own frame, however many blocks there are, because

- motion sees motion of its own and of earlier chunks (block-causal),
- motion sees audio from ``before`` frames before to ``after`` frames after its own (MoCha's
  window, eq. 4, which at one latent per frame is ``before = after = 1``),
- audio sees audio of its own and of the ``before`` frames before it and never motion, else the
  look-ahead would grow with every block,
- emotion and identity have no time: they are seen by all and see only each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class CausalAttention:
    """Which frames a token of a frame may see. Raises ValueError for sizes out of range."""

    chunk: int
    """Frames that are made together and see each other."""
    before: int
    """Audio frames before a frame that it sees."""
    after: int
    """Audio frames after a frame that it sees: the look-ahead."""
    past: int | None = None
    """Motion frames before its chunk that a frame sees; None for all."""

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise ValueError(f"a chunk has at least one frame, not {self.chunk}")
        if min(self.before, self.after) < 0 or (self.past is not None and self.past < 0):
            raise ValueError("the reach of a causal mask must not be negative")

    def mask(
        self, frames: int, audio: int, repeats: int, *, first: int = 0, device: str = "cpu"
    ) -> Tensor:
        """Boolean mask [T, T] (True: row may see column), T = frames + audio + 2 repeats.

        ``repeats`` is the number of tokens each for emotion and identity, ``first`` the index
        of frame 0 within the clip, so that chunk borders stay where they are as a window slides.
        """
        motion_at = torch.arange(frames, device=device)
        chunk_of = torch.div(motion_at + first, self.chunk, rounding_mode="floor")
        mask = chunk_mask(chunk_of, audio, repeats, before=self.before, after=self.after)
        if self.past is not None:
            oldest = chunk_of * self.chunk - first - self.past
            mask[:frames, :frames] &= motion_at[None, :] >= oldest[:, None]
        return mask


def chunk_mask(chunk_of: Tensor, audio: int, repeats: int, *, before: int, after: int) -> Tensor:
    """As :meth:`CausalAttention.mask`, for frames that belong to the chunks ``chunk_of [N]``.

    Chunks may differ in size; their numbers rise along the window.
    """
    frames, device = len(chunk_of), chunk_of.device
    total = frames + audio + 2 * repeats
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
