"""What a peer receives: sound and pictures with their times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from av import AudioFrame, VideoFrame

AUDIO_RATE: Final = 48_000
VIDEO_CLOCK: Final = 90_000

FACE: Final = ((0.50, 0.90), (0.25, 0.75))
"""First and last row, first and last column that are kept of a picture, as fractions: the face
below the eyes, with room around the mouth."""

FACE_STEP: Final = 2
"""Every second pixel of every second row is kept."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A packet of sound, decoded."""

    arrival: float
    pts: float
    """Seconds on the track's own clock."""
    pcm: npt.NDArray[np.int16]
    """Mono [n] at 48 kHz."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame of the video, decoded."""

    arrival: float
    pts: float
    """Seconds on the track's own clock."""
    face: npt.NDArray[np.uint8]
    """Luma of the lower face, see :data:`FACE`."""


class Sink(Protocol):
    """Gets every decoded frame, with its pts in seconds on the track's own clock."""

    def write_audio(self, frame: AudioFrame, pts: float, arrival: float) -> None: ...

    def write_video(self, frame: VideoFrame, pts: float, arrival: float) -> None: ...


def first_channel(frame: AudioFrame) -> npt.NDArray[np.int16]:
    """The samples [n] of a packed s16 ``frame``; all channels carry the same voice."""
    channels = frame.layout.nb_channels
    packed = np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples * channels)
    return packed[::channels].copy()


def lower_face(frame: VideoFrame) -> npt.NDArray[np.uint8]:
    """Luma of the part of a yuv420p ``frame`` in which the mouth is; see :data:`FACE`."""
    plane = frame.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    (top, bottom), (left, right) = FACE
    return luma[
        int(top * frame.height) : int(bottom * frame.height) : FACE_STEP,
        int(left * frame.width) : int(right * frame.width) : FACE_STEP,
    ].copy()
