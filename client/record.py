"""Writes what a peer receives to an MP4 file (H264, AAC), sound and picture in sync."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
from av import AudioFrame, VideoFrame

from client.peer import AUDIO_RATE, VIDEO_CLOCK, Peer

_PATIENCE: Final = 3.0
"""Seconds to wait for the sender's clock; after that, arrivals put the tracks together."""

_GAP: Final = AUDIO_RATE // 50
"""Samples of sound that may be missing before silence is put in their place."""

Media = AudioFrame | VideoFrame


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Where the tracks lie on the file's time: seconds to add to their pts."""

    audio: float
    video: float

    def at(self, frame: Media, pts: float) -> float:
        return pts + (self.audio if isinstance(frame, AudioFrame) else self.video)

    def starting_with(self, waiting: list[tuple[Media, float, float]]) -> _Timeline:
        """The same, moved so that the earliest of ``waiting`` is at 0."""
        zero = min(self.at(frame, pts) for frame, pts, _ in waiting)
        return _Timeline(self.audio - zero, self.video - zero)


class Recorder:
    """A :class:`client.peer.Sink` and context manager: records ``peer`` while it is open.

    Each frame is encoded as it comes. Raises OSError when ``path`` cannot be written.
    """

    def __init__(self, peer: Peer, path: Path) -> None:
        self._peer = peer
        self._waiting: list[tuple[Media, float, float]] = []
        """Frame, pts and arrival of what came before both clocks were known."""
        self._began = time.monotonic()
        self._timeline: _Timeline | None = None
        self._next_sample = 0
        self._last_video = -1
        self._file = av.open(str(path), "w", format="mp4")
        self._audio = self._file.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        self._video = self._file.add_stream("libx264", rate=25)
        self._video.options = {"preset": "veryfast", "crf": "20"}
        self._video.pix_fmt = "yuv420p"
        self._video.codec_context.time_base = Fraction(1, VIDEO_CLOCK)
        self._sized = False

    def __enter__(self) -> Self:
        self._peer.sinks.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._peer.sinks.remove(self)
        self._align(now=True)
        for stream in (self._audio, self._video):
            if stream is self._audio or self._sized:
                self._file.mux(stream.encode(None))
        self._file.close()

    def write_audio(self, frame: AudioFrame, pts: float, arrival: float) -> None:
        self._write(frame, pts, arrival)

    def write_video(self, frame: VideoFrame, pts: float, arrival: float) -> None:
        self._write(frame, pts, arrival)

    def _write(self, frame: Media, pts: float, arrival: float) -> None:
        if self._timeline is not None:
            self._encode(frame, self._timeline.at(frame, pts))
            return
        self._waiting.append((frame, pts, arrival))
        self._align(now=arrival - self._began > _PATIENCE)

    def _align(self, now: bool) -> None:
        """Fix once and for all where both tracks lie, when it is known or must be guessed."""
        if self._timeline is not None or not self._waiting:
            return
        timeline = self._by_sender() or (self._by_arrival() if now else None)
        if timeline is None:
            return
        self._timeline = timeline.starting_with(self._waiting)
        for frame, pts, _ in self._waiting:
            self._encode(frame, self._timeline.at(frame, pts))
        self._waiting.clear()

    def _by_sender(self) -> _Timeline | None:
        audio = self._peer.audio_clock.sender_time(0.0)
        video = self._peer.video_clock.sender_time(0.0)
        return None if audio is None or video is None else _Timeline(audio, video)

    def _by_arrival(self) -> _Timeline:
        def earliest(kind: type[Media]) -> float:
            return min(
                (at - pts for frame, pts, at in self._waiting if isinstance(frame, kind)),
                default=0.0,
            )

        return _Timeline(earliest(AudioFrame), earliest(VideoFrame))

    def _encode(self, frame: Media, seconds: float) -> None:
        if isinstance(frame, AudioFrame):
            self._encode_audio(frame, round(seconds * AUDIO_RATE))
        else:
            self._encode_video(frame, round(seconds * VIDEO_CLOCK))

    def _encode_audio(self, frame: AudioFrame, at: int) -> None:
        if at - self._next_sample > _GAP:
            self._put_samples(np.zeros((1, at - self._next_sample), np.int16))
        channels = frame.layout.nb_channels
        interleaved = np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples * channels)
        self._put_samples(interleaved[::channels][None].copy())

    def _put_samples(self, pcm: np.ndarray) -> None:
        frame = AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        frame.time_base = Fraction(1, AUDIO_RATE)
        frame.pts = self._next_sample
        self._next_sample += pcm.shape[1]
        self._file.mux(self._audio.encode(frame))

    def _encode_video(self, frame: VideoFrame, at: int) -> None:
        if at <= self._last_video:
            return
        if not self._sized:
            self._video.width, self._video.height = frame.width, frame.height
            self._sized = True
        self._last_video = at
        frame.pts = at
        frame.time_base = Fraction(1, VIDEO_CLOCK)
        self._file.mux(self._video.encode(frame))
