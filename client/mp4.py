"""Writes frames to an MP4 file: H264 and AAC."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
import numpy.typing as npt
from av import AudioFrame, VideoFrame

from client.media import AUDIO_RATE, VIDEO_CLOCK, first_channel

Media = AudioFrame | VideoFrame

_FPS: Final = 25

_GAP: Final = AUDIO_RATE // 50
"""Samples of sound that may be missing before silence is put in their place."""


class Mp4Writer:
    """Takes 48 kHz s16 sound, of which the first channel is written, and yuv420p pictures of
    ``size`` pixels in width and height.

    Sound and pictures come each in order of time. Raises OSError when ``path`` cannot be
    written. Use as a context manager: leaving it completes the file.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._file = av.open(str(path), "w", format="mp4")
        self._audio = self._file.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        self._video = self._file.add_stream("libx264", rate=_FPS)
        self._video.options = {"preset": "veryfast", "crf": "20"}
        self._video.pix_fmt = "yuv420p"
        self._video.width = self._video.height = size
        self._video.codec_context.time_base = Fraction(1, VIDEO_CLOCK)
        self._next_sample = 0
        self._last_picture = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            if self._next_sample > 0:
                self._file.mux(self._audio.encode(None))
            if self._last_picture >= 0:
                self._file.mux(self._video.encode(None))
        self._file.close()

    def write(self, frame: Media, seconds: float) -> None:
        """Write ``frame``, which is heard or seen at ``seconds`` of the file's time."""
        if isinstance(frame, AudioFrame):
            self._write_sound(frame, round(seconds * AUDIO_RATE))
        else:
            self._write_picture(frame, round(seconds * VIDEO_CLOCK))

    def _write_sound(self, frame: AudioFrame, at: int) -> None:
        missing = at - self._next_sample
        if missing > _GAP:
            self._write_samples(np.zeros((1, missing), np.int16))
        self._write_samples(first_channel(frame)[None])

    def _write_samples(self, pcm: npt.NDArray[np.int16]) -> None:
        frame = AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        frame.time_base = Fraction(1, AUDIO_RATE)
        frame.pts = self._next_sample
        self._next_sample += pcm.shape[1]
        self._file.mux(self._audio.encode(frame))

    def _write_picture(self, frame: VideoFrame, at: int) -> None:
        if at <= self._last_picture:
            return
        self._last_picture = at
        frame.pts = at
        frame.time_base = Fraction(1, VIDEO_CLOCK)
        self._file.mux(self._video.encode(frame))
