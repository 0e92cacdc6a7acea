"""Reception of a peer's sound over networks that lose packets: reordering and concealment.

aiortc's own jitter buffer drops good packets around every gap (at 5 % loss a quarter of all sound)
and delays by four packets even where nothing is lost. This one delays packets only behind a gap,
and conceals those that never arrive.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet

from streaming.clock import PACKET, SAMPLE_RATE
from streaming.resample import FloatArray, mono

MAX_BEHIND: Final = 3
"""Packets (of 20 ms) that wait behind a gap before the missing one is given up."""

MAX_FILL: Final = SAMPLE_RATE // 5
"""Longest gap, in samples, that is concealed; a longer one is a microphone that was off."""

_RESTART: Final = 1000
"""A jump of the sequence number by more than this starts a new stream."""

_SEQUENCE: Final = 1 << 16
_TIMESTAMP: Final = 1 << 32

SoundListener = Callable[[FloatArray, int], None]
"""Called with mono float32 [n] and its rate in Hz."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The content of a packet."""

    timestamp: int
    """RTP time of its first sample."""
    data: bytes


class PacketOrder:
    """Puts packets back in order, and gives up those that do not arrive."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, Piece] = {}

    def push(self, sequence: int, piece: Piece) -> list[Piece]:
        """Take packet number ``sequence``; returns the pieces that can be decoded now."""
        if self._next is None or abs(self._ahead(sequence)) > _RESTART:
            self._next = sequence
            self._waiting.clear()
        if self._ahead(sequence) < 0:
            return []  # given up before, or a duplicate
        self._waiting[sequence] = piece
        due = self._take()
        if len(self._waiting) >= MAX_BEHIND:
            self._next = min(self._waiting, key=self._ahead)
            due += self._take()
        return due

    def _ahead(self, sequence: int) -> int:
        """Distance of a sequence number from the next one due, modulo 2^16; negative: behind."""
        assert self._next is not None
        return (sequence - self._next + _SEQUENCE // 2) % _SEQUENCE - _SEQUENCE // 2

    def _take(self) -> list[Piece]:
        assert self._next is not None
        due = []
        while self._next in self._waiting:
            due.append(self._waiting.pop(self._next))
            self._next = (self._next + 1) % _SEQUENCE
        return due


class OpusHearing:
    """Decodes received Opus packets into one continuous stream of sound."""

    def __init__(self, listener: SoundListener) -> None:
        self._listener = listener
        self._order = PacketOrder()
        self._last = np.zeros(0, np.float32)
        self._expected: int | None = None
        decoder = av.CodecContext.create("libopus", "r")
        assert isinstance(decoder, AudioCodecContext)
        decoder.format = "s16"
        decoder.layout = "mono"
        decoder.sample_rate = SAMPLE_RATE
        self._decoder = decoder

    def push(self, sequence: int, timestamp: int, data: bytes) -> None:
        """Take a packet; the listener gets the sound that can be decoded now."""
        for piece in self._order.push(sequence, Piece(timestamp, data)):
            pcm = self._decode(piece)
            if len(pcm):
                self._fill(piece.timestamp)
                self._expected = (piece.timestamp + len(pcm)) % _TIMESTAMP
                self._last = pcm
                self._listener(pcm, SAMPLE_RATE)

    def _decode(self, piece: Piece) -> FloatArray:
        packet: Packet[Any] = Packet(piece.data)
        packet.pts = piece.timestamp
        packet.time_base = Fraction(1, SAMPLE_RATE)
        try:
            frames = [mono(frame) for frame in self._decoder.decode(packet)]
        except av.FFmpegError:
            frames = []  # a broken packet counts as lost
        return np.concatenate(frames) if frames else np.zeros(0, np.float32)

    def _fill(self, timestamp: int) -> None:
        """Conceal the gap before ``timestamp``: the last sound reversed and faded, then silence."""
        if self._expected is None:
            return
        hole = (timestamp - self._expected) % _TIMESTAMP
        if not 0 < hole <= MAX_FILL:
            return
        filling = np.zeros(hole, np.float32)
        echo = self._last[::-1][: min(hole, PACKET)]
        filling[: len(echo)] = echo * np.linspace(1, 0, len(echo), dtype=np.float32)
        self._listener(filling, SAMPLE_RATE)


class _Discarded(queue.Queue[Any]):
    """Replaces the queue to aiortc's decoder thread: passes on only the item that ends it."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:
            super().put(item, block, timeout)


def hear(receiver: RTCRtpReceiver, listener: SoundListener) -> None:
    """Give ``listener`` the sound of a ``receiver`` of Opus; call before it receives.

    aiortc still sends its receiver reports, but no longer decodes. It has no public hook for
    packets; it looks the method up at every packet.
    """
    hearing = OpusHearing(listener)
    handle = receiver._handle_rtp_packet

    async def handle_and_hear(packet: RtpPacket, arrival_time_ms: int) -> None:
        await handle(packet, arrival_time_ms)
        if packet.payload:
            hearing.push(packet.sequence_number, packet.timestamp, packet.payload)

    receiver._handle_rtp_packet = handle_and_hear  # type: ignore[method-assign]
    receiver._RTCRtpReceiver__decoder_queue = _Discarded()  # type: ignore[attr-defined]
