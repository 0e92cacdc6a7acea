"""Takes the frames of a stream without decoding them, which costs a viewer the most.

Everything else that a receiver does goes on: reports, requests for lost packets and keyframes,
putting packets together to frames. So the server cannot tell such a viewer from one that looks.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from aiortc import RTCRtpReceiver

FrameListener = Callable[[int], None]
"""Gets the pts of a complete frame, in ticks of the stream's clock from its first packet."""


class _Undecoded(queue.Queue[Any]):
    """Stands for the queue to the decoder: reports frames and keeps none."""

    def __init__(self, listener: FrameListener) -> None:
        super().__init__()
        self._listener = listener

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:  # the end, which the decoder's thread waits for
            super().put(item, block, timeout)
            return
        _, frame = item
        self._listener(frame.timestamp)


def leave_undecoded(receiver: RTCRtpReceiver, listener: FrameListener) -> None:
    """Report the frames of ``receiver`` instead of decoding them; call before it receives."""
    # aiortc has no public hook between its jitter buffer and its decoder.
    receiver._RTCRtpReceiver__decoder_queue = _Undecoded(listener)  # type: ignore[attr-defined]
