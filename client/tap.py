"""When the packets of a stream arrived, and when their sender says they were made.

aiortc hands out decoded frames, late by its jitter buffer (80 ms for sound) and with timestamps
of which each track has its own zero. Lip-sync at a receiver follows RTP instead: the arrival of
packets, and the sender reports that put both tracks on the sender's clock. The tap listens to
the packets that go to a receiver, before aiortc buffers them.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtcpSrPacket, RtpPacket

_REPORTS_KEPT: Final = 64
_ARRIVALS_KEPT: Final = 1024
_WRAP: Final = 1 << 32


PacketListener = Callable[[float, float], None]
"""Gets the pts in seconds, and the arrival of every packet as it comes."""


class StreamTap:
    """Attach to ``receiver`` before it receives; ``rate`` is its RTP clock rate in Hz."""

    def __init__(
        self, receiver: RTCRtpReceiver, rate: int, on_packet: PacketListener | None = None
    ) -> None:
        self._listener = on_packet
        self.bytes = 0
        """RTP payload that came, retransmissions included."""
        self._rate = rate
        self._origin: int | None = None
        self._latest = 0
        """Ticks from the first packet to the newest; they do not wrap."""
        self._arrivals: dict[int, float] = {}
        self._offsets: deque[float] = deque(maxlen=_REPORTS_KEPT)
        # aiortc has no public hook for packets; it looks both methods up at every packet.
        self._wrap(receiver, "_handle_rtp_packet", self._on_packet)
        self._wrap(receiver, "_handle_rtcp_packet", self._on_report)

    def arrival(self, pts: int) -> float:
        """``time.monotonic()`` at which the last packet of the frame at ``pts`` arrived.

        Asked once per frame; now, if the packet was not seen.
        """
        return self._arrivals.pop(pts, time.monotonic())

    def sender_time(self, pts: float) -> float | None:
        """The sender's clock (seconds) at ``pts`` seconds; None before its first report."""
        return pts + statistics.median(self._offsets) if self._offsets else None

    @staticmethod
    def _wrap(receiver: RTCRtpReceiver, name: str, listen: Callable[[Any], None]) -> None:
        handle: Callable[..., Awaitable[None]] = getattr(receiver, name)

        async def tapped(packet: Any, **more: Any) -> None:
            listen(packet)
            await handle(packet, **more)

        setattr(receiver, name, tapped)

    def _on_packet(self, packet: RtpPacket) -> None:
        self.bytes += len(packet.payload)
        # aiortc counts pts from the first packet as well.
        if self._origin is None:
            self._origin = packet.timestamp
        ticks = self._ticks(packet.timestamp, self._origin)
        self._latest = max(self._latest, ticks)
        now = self._arrivals[ticks] = time.monotonic()
        if self._listener is not None:
            self._listener(ticks / self._rate, now)
        if len(self._arrivals) > _ARRIVALS_KEPT:  # frames that never got complete
            del self._arrivals[next(iter(self._arrivals))]

    def _on_report(self, packet: Any) -> None:
        if not isinstance(packet, RtcpSrPacket) or self._origin is None:
            return
        report = packet.sender_info
        ticks = self._ticks(report.rtp_timestamp, self._origin)
        self._offsets.append(report.ntp_timestamp / _WRAP - ticks / self._rate)

    def _ticks(self, timestamp: int, origin: int) -> int:
        """Ticks from the first packet, negative before it: the one place near the newest packet,
        since 32 bits last half a day only."""
        ahead = (timestamp - origin - self._latest + _WRAP // 2) % _WRAP - _WRAP // 2
        return self._latest + ahead
