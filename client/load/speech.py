"""What viewers say when they converse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from client.measure import AUDIBLE
from client.media import AUDIO_RATE


@dataclass(frozen=True, slots=True)
class RecordedSpeech:
    """Mono sound at 48 kHz."""

    pcm: npt.NDArray[np.float32]
    ends: float
    """Seconds until its last audible sample."""


@cache
def read_speech(path: str) -> RecordedSpeech:
    """Speech from a file in any format that FFmpeg reads.

    Raises OSError or ValueError for a file that cannot be read or has no sound.
    """
    resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
    parts: list[npt.NDArray[np.float32]] = []
    with av.open(Path(path)) as container:
        if not container.streams.audio:
            raise ValueError(f"there is no sound in {path}")
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    pcm = np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
    audible = np.flatnonzero(np.abs(pcm) >= AUDIBLE / 32_768)
    if len(audible) == 0:
        raise ValueError(f"there is no audible sound in {path}")
    return RecordedSpeech(pcm, float(audible[-1] + 1) / AUDIO_RATE)
