"""Takes a stream's encoded frames in place of aiortc's decoding thread.

Decoding pictures is a viewer's largest cost, and passing every packet of sound to a thread and back
costs many times as much as decoding it. The receiver's other work goes on: reports, requests for
lost packets and keyframes, assembling frames from packets. So the server cannot tell such a viewer
from one that decodes.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import Any

import av
from aiortc import RTCRtpReceiver
from aiortc.codecs import get_decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av import AudioFrame

log = logging.getLogger(__name__)

FrameListener = Callable[[RTCRtpCodecParameters, JitterFrame], None]
"""Gets a complete frame; its timestamp counts ticks of the stream's clock from the first packet."""


class _Taken(queue.Queue[Any]):
    """Replaces the queue to the decoder: passes frames on and keeps none."""

    def __init__(self, listener: FrameListener) -> None:
        super().__init__()
        self._listener = listener

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:  # the end, which the decoder's thread waits for
            super().put(item, block, timeout)
        else:
            self._listener(*item)


def take_frames(receiver: RTCRtpReceiver, listener: FrameListener) -> None:
    """Give the frames of ``receiver`` to ``listener``; call before it receives."""
    # aiortc has no public hook between its jitter buffer and its decoder.
    receiver._RTCRtpReceiver__decoder_queue = _Taken(listener)  # type: ignore[attr-defined]


class SoundDecoder:
    """Decodes the frames of a stream of sound as they come."""

    def __init__(self, listener: Callable[[AudioFrame], None]) -> None:
        self._listener = listener
        self._decoder: Any = None

    def decode(self, codec: RTCRtpCodecParameters, frame: JitterFrame) -> None:
        """A :data:`FrameListener`; sound that cannot be decoded counts as lost."""
        if self._decoder is None:
            self._decoder = get_decoder(codec)
        try:
            decoded = self._decoder.decode(frame)
        except av.FFmpegError as error:
            log.warning("a packet of sound was dropped: %s", error)
            return
        for sound in decoded:
            self._listener(sound)
