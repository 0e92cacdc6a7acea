"""HuBERT features for the published MoDA: 12 layers of 768 numbers per video frame.

The convolutions of HuBERT give 50 vectors a second; they are resampled to 25 before the
transformer, as released. HuBERT hears in both directions: offline it gets the released chunks of
60 seconds, in a stream a window that ends with the frame in question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE, FeatureExtractor, Stepped
from motion.layout import FloatArray

WINDOW: Final = 50
"""Frames that a frame in a stream is encoded with, itself included (2 s)."""

CHUNK_FRAMES: Final = 60 * SPEECH_RATE // SAMPLES_PER_FRAME
"""Frames that the released code encodes at once."""

_REFLECTED: Final = 20
"""Samples that each of two reflections adds at each end, so that n frames give 2 n vectors."""

_VARIANCE_FLOOR: Final = 1e-7


class HubertFeatures(nn.Module):
    """The encoder with the released preprocessing; wraps ``transformers.HubertModel``."""

    def __init__(self, model: Any, *, normalise: bool = True) -> None:
        """Raises ValueError for models whose layers normalise first (HuBERT large)."""
        super().__init__()
        if model.config.do_stable_layer_norm:
            raise ValueError("MoDA takes its features from a HuBERT base model")
        self.model = model
        self.normalise = normalise

    @property
    def layers(self) -> int:
        return int(self.model.config.num_hidden_layers)

    @property
    def size(self) -> int:
        return int(self.model.config.hidden_size)

    def forward(self, speech: Tensor) -> Tensor:
        """``speech [B, 640 n]`` at 16 kHz, n >= 1 -> features [B, n, layers, size]."""
        frames = speech.shape[1] // SAMPLES_PER_FRAME
        if self.normalise:
            speech = speech - speech.mean(dim=1, keepdim=True)
            variance = speech.square().mean(dim=1, keepdim=True)
            speech = speech / (variance + _VARIANCE_FLOOR).sqrt()
        for _ in range(2):
            speech = F.pad(speech[:, None], (_REFLECTED, _REFLECTED), mode="reflect")[:, 0]
        vectors = self.model.feature_extractor(speech)
        vectors = F.interpolate(vectors, size=frames, mode="linear", align_corners=True)
        tokens = self.model.feature_projection(vectors.transpose(1, 2))
        encoder = self.model.encoder
        x = encoder.layer_norm(tokens + encoder.pos_conv_embed(tokens))
        layers = []
        for layer in encoder.layers:
            x = layer(x)
            layers.append(x)
        return torch.stack(layers, dim=2)


@torch.inference_mode()
def encode_clip(features: HubertFeatures, speech: FloatArray) -> FloatArray:
    """Features [n, layers, size] of a whole clip of ``speech`` at 16 kHz, as released.

    Encoded in chunks of 60 s; a last frame that is not complete is left out.
    """
    device = next(features.parameters()).device
    frames = len(speech) // SAMPLES_PER_FRAME
    out = [np.zeros((0, features.layers, features.size), np.float32)]
    for start in range(0, frames, CHUNK_FRAMES):
        end = min(start + CHUNK_FRAMES, frames)
        chunk = speech[start * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME]
        batch = torch.from_numpy(np.ascontiguousarray(chunk, np.float32))[None]
        out.append(features(batch.to(device))[0].float().cpu().numpy())
    return np.concatenate(out)


@dataclass(frozen=True, slots=True)
class HubertState:
    past: FloatArray
    """The last samples before the next frame [640 (window - 1)]."""


class StreamingHubert(FeatureExtractor[HubertState]):
    """Causal features: each frame is encoded in a window of its own.

    The window ends with the frame and starts with silence at the beginning, so features depend only
    on earlier sound, however it is cut into chunks. That costs ``window`` times as much as encoding
    everything once: for GPUs. Windows of several frames and, in :meth:`steps`, of several sessions
    form one batch.
    """

    def __init__(
        self,
        features: HubertFeatures,
        *,
        window: int = WINDOW,
        run: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """``run`` is an engine of ``features`` for windows of ``window`` frames."""
        if window < 1:
            raise ValueError(f"a window has at least one frame, not {window}")
        self._features = features
        self._run = run or features
        self._window = window
        self.dim = features.layers * features.size

    def init_state(self) -> HubertState:
        return HubertState(np.zeros((self._window - 1) * SAMPLES_PER_FRAME, np.float32))

    def step(self, state: HubertState, speech: FloatArray) -> Stepped[HubertState]:
        (result,) = self.steps([(state, speech)])
        return result

    @torch.inference_mode()
    def steps(
        self, sessions: Sequence[tuple[HubertState, FloatArray]]
    ) -> list[Stepped[HubertState]]:
        """:meth:`step` for several sessions in one batch."""
        samples = self._window * SAMPLES_PER_FRAME
        windows, counts, after = [], [], []
        for state, speech in sessions:
            if speech.ndim != 1 or len(speech) % SAMPLES_PER_FRAME:
                raise ValueError(
                    f"speech must be whole frames of {SAMPLES_PER_FRAME} samples, "
                    f"not {list(speech.shape)}"
                )
            heard = np.concatenate([state.past, speech])
            frames = len(speech) // SAMPLES_PER_FRAME
            starts = range(0, frames * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME)
            windows += [heard[start : start + samples] for start in starts]
            counts.append(frames)
            past = len(state.past)
            ends = range(past, len(heard) + 1, SAMPLES_PER_FRAME)
            after.append([HubertState(heard[end - past : end]) for end in ends])
        rows = np.zeros((0, self.dim), np.float32)
        if windows:
            device = next(self._features.parameters()).device
            batch = torch.from_numpy(np.stack(windows).astype(np.float32)).to(device)
            rows = self._run(batch)[:, -1].flatten(1).float().cpu().numpy()
        split = np.split(rows, np.cumsum(counts)[:-1])
        return list(zip(split, after, strict=True))
