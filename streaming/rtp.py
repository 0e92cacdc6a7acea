"""Sends encoded media as RTP packets (RFC 3550) at once.

aiortc's sender pulls media through a queue and a task, which costs several times as much as
encrypting and sending a packet. Here it only negotiates, schedules its reports and owns the
transport: the track that it reads never yields anything.
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
from collections.abc import Coroutine
from typing import Any, Final, Literal, NamedTuple

from aiortc import MediaStreamTrack, RTCRtpSender
from aiortc.clock import current_ntp_time
from aiortc.codecs import get_encoder, is_rtx
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpParameters
from aiortc.rtp import (
    RTP_HISTORY_SIZE,
    AnyRtcpPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    pack_header_extensions,
)
from av.packet import Packet

log = logging.getLogger(__name__)

_MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_ONE_BYTE: Final = 0xBEDE
"""Profile of extensions whose id and length share a byte."""

_HEADER: Final = struct.Struct("!BBHII")
_VERSION: Final = 2 << 6
_EXTENDED: Final = 1 << 4
_MARKER: Final = 1 << 7
_16_BITS: Final = (1 << 16) - 1
_32_BITS: Final = (1 << 32) - 1


class HeaderExtensions:
    """The header extensions (RFC 8285) of a stream's packets: its MID and the send time."""

    def __init__(self, parameters: RTCRtpParameters) -> None:
        ids = {extension.uri: extension.id for extension in parameters.headerExtensions}
        values = []
        if timed := _SEND_TIME in ids:
            values.append((ids[_SEND_TIME], bytes(3)))
        if _MID in ids and parameters.muxId:
            values.append((ids[_MID], parameters.muxId.encode()))
        profile, block = pack_header_extensions(values)
        whole = struct.pack("!HH", profile, len(block) // 4) + block if block else b""
        time_at = (5 if profile == _ONE_BYTE else 6) if timed else len(whole)
        self._before, self._after = whole[:time_at], whole[time_at + 3 :]
        self._timed = timed

    def at(self, ntp: int) -> bytes:
        """The block of a packet that is sent at ``ntp``; empty if nothing was negotiated."""
        if not self._timed:
            return self._before
        # 6 bits of seconds, 18 of their fraction.
        return self._before + (ntp >> 14 & 0xFFFFFF).to_bytes(3) + self._after


class _Piece(NamedTuple):
    """The content of a packet, kept to send it again."""

    sequence: int
    timestamp: int
    marker: int
    payload: bytes


class RtpPacker:
    """Makes the packets of one stream; all times are NTP times (32.32 bits)."""

    def __init__(self, parameters: RTCRtpParameters, ssrc: int, repeat_ssrc: int) -> None:
        codec = parameters.codecs[0]
        self._pack = _pack_sound if codec.name.lower() == "opus" else get_encoder(codec).pack
        assert codec.payloadType is not None
        self._payload_type = codec.payloadType
        self._repeat_type = _repeat_type(parameters, codec)
        self._clock_rate = codec.clockRate
        self._ssrc = ssrc
        self._repeat_ssrc = repeat_ssrc
        self._extensions = HeaderExtensions(parameters)
        # In the lower half: if the number wraps before the first packet arrives, SRTP's rollover
        # counters differ and decryption fails (RFC 3711, section 3.3.1).
        self._sequence = random.getrandbits(15)
        self._repeat_sequence = random.getrandbits(15)
        self._origin = random.getrandbits(32)
        self._recent: dict[int, _Piece] = {}
        self._packets = 0
        self._octets = 0
        self._last: tuple[int, int] | None = None
        """When the last frame was sent, and its timestamp."""

    def pack(self, frame: Packet[Any], ntp: int) -> list[bytes]:
        """Packets of an encoded frame."""
        payloads, at = self._pack(frame)
        timestamp = (self._origin + at) & _32_BITS
        extensions = self._extensions.at(ntp)
        packets = []
        for number, payload in enumerate(payloads, 1):
            marker = _MARKER if number == len(payloads) else 0
            piece = _Piece(self._sequence, timestamp, marker, payload)
            self._recent[piece.sequence % RTP_HISTORY_SIZE] = piece
            self._sequence = (self._sequence + 1) & _16_BITS
            self._octets += len(payload)
            packets.append(_packet(piece, self._payload_type, self._ssrc, extensions))
        self._packets += len(payloads)
        self._last = (ntp, timestamp)
        return packets

    def repeat(self, sequence: int, ntp: int) -> bytes | None:
        """Packet ``sequence`` again (RFC 4588); None if it is no longer kept."""
        piece = self._recent.get(sequence % RTP_HISTORY_SIZE)
        if piece is None or piece.sequence != sequence:
            return None
        extensions = self._extensions.at(ntp)
        if self._repeat_type is None:
            return _packet(piece, self._payload_type, self._ssrc, extensions)
        again = piece._replace(
            sequence=self._repeat_sequence, payload=sequence.to_bytes(2) + piece.payload
        )
        self._repeat_sequence = (self._repeat_sequence + 1) & _16_BITS
        return _packet(again, self._repeat_type, self._repeat_ssrc, extensions)

    def report(self, ntp: int) -> RtcpSenderInfo:
        """The sender info of a report at ``ntp``: counts without repetitions, and the media clock.

        All zero before anything was sent.
        """
        if self._last is None:
            return RtcpSenderInfo(0, 0, 0, 0)
        last, timestamp = self._last
        since = (ntp - last) * self._clock_rate >> 32
        return RtcpSenderInfo(
            ntp_timestamp=ntp,
            rtp_timestamp=(timestamp + since) & _32_BITS,
            packet_count=self._packets & _32_BITS,
            octet_count=self._octets & _32_BITS,
        )


def _packet(piece: _Piece, payload_type: int, ssrc: int, extensions: bytes) -> bytes:
    header = _HEADER.pack(
        _VERSION | _EXTENDED if extensions else _VERSION,
        piece.marker | payload_type,
        piece.sequence,
        piece.timestamp,
        ssrc,
    )
    return b"".join((header, extensions, piece.payload))


def _pack_sound(frame: Packet[Any]) -> tuple[list[bytes], int]:
    # One packet per frame; Opus' RTP clock is our media clock, 48 kHz (RFC 7587).
    return [bytes(frame)], frame.pts or 0


def _repeat_type(parameters: RTCRtpParameters, codec: RTCRtpCodecParameters) -> int | None:
    """Payload type of retransmissions (RTX), if one was negotiated."""
    for other in parameters.codecs:
        if is_rtx(other) and other.parameters.get("apt") == codec.payloadType:
            return other.payloadType
    return None


class _Unread(MediaStreamTrack):
    """The track that aiortc's sender reads: it can end, but never yields anything."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.awaited = False
        """Whether the sender waits for a frame, which means that it runs."""
        self._ended = asyncio.Event()

    async def recv(self) -> Packet[Any]:
        self.awaited = True
        try:
            await self._ended.wait()
        finally:
            self.awaited = False
        raise MediaStreamError

    def stop(self) -> None:
        super().stop()
        self._ended.set()


class RtpStream:
    """Sound or pictures for one peer. Use from its event loop only."""

    def __init__(self, kind: Literal["audio", "video"]) -> None:
        self._track = _Unread(kind)
        self._sender: RTCRtpSender | None = None
        self._packer: RtpPacker | None = None

    @property
    def track(self) -> MediaStreamTrack:
        """The track to negotiate for."""
        return self._track

    def connect(self, sender: RTCRtpSender, parameters: RTCRtpParameters) -> None:
        """Send in place of ``sender``, which has :attr:`track`, with its negotiated parameters."""
        packer = RtpPacker(parameters, sender._ssrc, sender._rtx_ssrc)
        send_reports = sender._send_rtcp

        async def send_own_reports(packets: list[AnyRtcpPacket]) -> None:
            for packet in packets:
                if isinstance(packet, RtcpSrPacket):
                    packet.sender_info = packer.report(current_ntp_time())
            await send_reports(packets)

        # aiortc has no public hook for reports; it looks the method up at every one.
        sender._send_rtcp = send_own_reports  # type: ignore[method-assign]
        self._sender, self._packer = sender, packer

    @property
    def open(self) -> bool:
        """Whether the connection is up; before that nothing is sent."""
        return self._track.awaited and self._packer is not None

    def send(self, frame: Packet[Any]) -> None:
        """Send an encoded frame; it is dropped while the stream is not open."""
        if self._packer is not None and self._track.awaited:
            for packet in self._packer.pack(frame, current_ntp_time()):
                self._transmit(packet)

    def repeat(self, sequence: int) -> None:
        """Send a packet again that the peer has not received."""
        if self._packer is not None and self._track.awaited:
            packet = self._packer.repeat(sequence, current_ntp_time())
            if packet is not None:
                self._transmit(packet)

    def stop(self) -> None:
        """Send nothing more."""
        self._track.stop()

    def _transmit(self, packet: bytes) -> None:
        assert self._sender is not None
        try:
            _at_once(self._sender.transport._send_rtp(packet))
        except ConnectionError:
            pass  # lost, as on any network; aiortc reports when the connection is over
        except Exception:  # a defect with one peer must not affect the others
            log.exception("a stream ends: its packets cannot be sent")
            self.stop()


def _at_once(sending: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never suspends: a datagram is sent or dropped at once."""
    try:
        sending.send(None)
    except StopIteration:
        return
    sending.close()
    raise RuntimeError("sending a datagram had to wait")
