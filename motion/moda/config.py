"""Sizes of a MoDA network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from motion.contract import EMOTIONS
from motion.layout import KEYPOINTS, MOTION_DIM

AudioEmbedderKind = Literal["projection", "convolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoDAConfig:
    """Hyper-parameters of :class:`motion.moda.network.MoDA`.

    Raises ValueError where the sizes do not fit together.
    """

    width: int
    """Channels of a token."""
    heads: int
    four_stream: int
    """Blocks in which motion, audio, emotion and identity each have their own weights."""
    two_stream: int
    """Blocks in which audio, emotion and identity share one set of weights."""
    single_stream: int
    """Blocks in which all tokens share one set of weights."""
    audio_layers: int
    """Vectors per frame of audio: layers of a speech encoder; 1 for plain features."""
    audio_features: int
    """Size of each of those vectors."""
    audio_embedder: AudioEmbedderKind = "projection"
    """``projection`` sees one frame at a time (published); ``convolution`` some past frames."""
    audio_channels: int = 128
    """Channels within the ``convolution`` embedder."""
    audio_dilations: tuple[int, ...] = (1, 2)
    """Frames between the taps of each of its convolutions, first to last."""
    audio_before: int = 3
    """Frames of sound before its own that a frame attends to under a causal mask, MoCha's window
    (eq. 4); the embedder reaches further."""
    repeat_conditions: bool = True
    """Emotion and identity as one token per frame (published), or as a single token each."""
    mlp_ratio: int = 4
    time_features: int = 256
    rope_theta: float = 256.0
    motion: int = MOTION_DIM
    identity: int = 3 * KEYPOINTS
    emotions: int = len(EMOTIONS)
    """Rows of the emotion table; the last one means "not given"."""

    def __post_init__(self) -> None:
        if self.heads < 1 or self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} must be an even number of channels for each of "
                f"{self.heads} heads"
            )
        if self.time_features % 2:
            raise ValueError(f"time_features must be even, not {self.time_features}")
        if min(self.four_stream, self.two_stream, self.single_stream) < 0:
            raise ValueError("the number of blocks in a stage must not be negative")
        if min(self.audio_layers, self.audio_features, self.mlp_ratio) < 1:
            raise ValueError("audio_layers, audio_features and mlp_ratio must be at least 1")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def no_emotion(self) -> int:
        """Row of the emotion table that means "not given"."""
        return self.emotions - 1


PUBLISHED: Final = MoDAConfig(
    width=768,
    heads=12,
    four_stream=3,
    two_stream=6,
    single_stream=12,
    audio_layers=12,
    audio_features=768,
)
"""The released network (TalkingHeadDiT-B), over the 12 layers of a HuBERT-base encoder."""

CAUSAL: Final = MoDAConfig(
    width=128,
    heads=4,
    four_stream=1,
    two_stream=1,
    single_stream=2,
    mlp_ratio=2,
    audio_layers=1,
    audio_features=160,
    audio_embedder="convolution",
    audio_channels=192,
    audio_dilations=(1, 1, 2, 4),
    repeat_conditions=False,
)
"""A small network over log-mels for one CPU core; run it under a causal mask."""
