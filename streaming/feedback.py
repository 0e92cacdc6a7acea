"""RTCP feedback of the receivers of our video: PLI and FIR, NACK, REMB and receiver reports.

aiortc would pass it to its own encoder, which is not used here, and repeat every missing packet as
often as it is requested, which makes congestion worse.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiortc import RTCRtpSender
from aiortc.clock import current_ntp_time
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

from streaming.broadcast import Viewer

log = logging.getLogger(__name__)

_AGAIN: Final = 0.1
"""Seconds before a packet may be repeated again: about the longest round trip."""

_SHARE: Final = 0.3
"""Bitrate of repeated packets as a fraction of the video's."""

_PACKET_BITS: Final = 8 * 1200

_BURST: Final = 0.5
"""Seconds' worth of that bitrate that may be spent at once."""

_REMEMBERED: Final = 256

_LONGEST_TRIP: Final = 30.0
"""Seconds; a longer round trip is a measurement error."""


class RepeatBudget:
    """Decides which missing packets are sent again."""

    def __init__(
        self, bitrate: Callable[[], int], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._bitrate = bitrate
        self._now = now
        self._repeated: OrderedDict[int, float] = OrderedDict()
        self._since = now()
        self._left = self._most

    def allow(self, sequence: int) -> bool:
        """Whether packet ``sequence`` may be sent again now; if so, it is charged to the budget."""
        now = self._now()
        gained = (now - self._since) * self._most / _BURST
        self._left, self._since = min(self._most, self._left + gained), now
        if self._left < 1 or now - self._repeated.get(sequence, -_AGAIN) < _AGAIN:
            return False
        self._left -= 1
        self._repeated[sequence] = now
        self._repeated.move_to_end(sequence)
        if len(self._repeated) > _REMEMBERED:
            self._repeated.popitem(last=False)
        return True

    @property
    def _most(self) -> float:
        """Packets that may be repeated at once."""
        return max(2.0, _BURST * _SHARE * self._bitrate() / _PACKET_BITS)


def follow_feedback(sender: RTCRtpSender, viewer: Viewer) -> None:
    """Pass the feedback that ``sender``, which sends the video of ``viewer``, gets to it."""
    budget = RepeatBudget(lambda: viewer.bandwidth.bitrate)

    async def answer(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == sender._ssrc:
                    viewer.report(
                        report.fraction_lost / 256, round_trip(report, current_ntp_time())
                    )
        elif isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK:
                for sequence in filter(budget.allow, packet.lost):
                    viewer.video.repeat(sequence)
        elif isinstance(packet, RtcpPsfbPacket):
            if packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                viewer.request_keyframe()
            elif packet.fmt == RTCP_PSFB_APP:
                try:
                    bitrate, sources = unpack_remb_fci(packet.fci)
                except ValueError:
                    log.debug("feedback that is no REMB was ignored")
                    return
                if sender._ssrc in sources:
                    viewer.bandwidth.believed(bitrate)

    # aiortc has no public hook for reports; it looks the method up at every one.
    sender._handle_rtcp_packet = answer  # type: ignore[method-assign]


def round_trip(report: RtcpReceiverInfo, ntp: int) -> float | None:
    """Round-trip time in seconds (RFC 3550, section 6.4.1); ``ntp`` is our NTP time now.

    None if the report refers to none of ours, or our clock was set in between.
    """
    if not report.lsr:
        return None
    passed = ((ntp >> 16) - report.lsr - report.dlsr) & 0xFFFFFFFF
    seconds = passed / 65536
    return seconds if seconds < _LONGEST_TRIP else None
