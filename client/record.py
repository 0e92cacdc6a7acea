"""Records what a peer receives to an MP4 file, sound and picture in sync."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from av import AudioFrame, VideoFrame

from client.mp4 import Media, Mp4Writer
from client.peer import Peer

_PATIENCE: Final = 3.0
"""Seconds to wait for the sender's clock; after that, arrivals put the tracks together."""


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
    """A :class:`client.media.Sink` and context manager: records ``peer`` while it is open.

    Encoding has a thread of its own, so that arrival times are not disturbed. Raises OSError
    when ``path`` cannot be written.
    """

    def __init__(self, peer: Peer, path: Path) -> None:
        self._peer = peer
        self._waiting: list[tuple[Media, float, float]] = []
        """Frame, pts and arrival of what came before both clocks were known."""
        self._began = time.monotonic()
        self._timeline: _Timeline | None = None
        self._writer = Mp4Writer(path, peer.ready.size)
        self._queue: queue.SimpleQueue[tuple[Media, float] | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._encode, name="record", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
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
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def write_audio(self, frame: AudioFrame, pts: float, arrival: float) -> None:
        self._write(frame, pts, arrival)

    def write_video(self, frame: VideoFrame, pts: float, arrival: float) -> None:
        self._write(frame, pts, arrival)

    def _write(self, frame: Media, pts: float, arrival: float) -> None:
        if self._failure is not None:
            return  # nobody would take it from the queue
        if self._timeline is not None:
            self._queue.put((frame, self._timeline.at(frame, pts)))
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
            self._queue.put((frame, self._timeline.at(frame, pts)))
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

    def _encode(self) -> None:
        try:
            with self._writer as writer:
                while (item := self._queue.get()) is not None:
                    writer.write(*item)
        except Exception as failure:
            self._failure = failure
