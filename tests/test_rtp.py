"""Packets of our own making, read by aiortc's parser."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any

import pytest
from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import (
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpParameters,
)
from aiortc.rtp import HeaderExtensionsMap, RtcpSenderInfo, RtpPacket, unwrap_rtx
from av.packet import Packet

from streaming.rtp import RtpPacker, RtpStream

VP8 = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=96)
RTX = RTCRtpCodecParameters("video/rtx", 90_000, payloadType=97, parameters={"apt": 96})
OPUS = RTCRtpCodecParameters("audio/opus", 48_000, 2, payloadType=111)
NTP = int((time.time() + 2_208_988_800) * (1 << 32))


def parameters(
    *codecs: RTCRtpCodecParameters, ids: tuple[int, int] | None = (3, 4)
) -> RTCRtpParameters:
    uris = (
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "urn:ietf:params:rtp-hdrext:sdes:mid",
    )
    extensions = [
        RTCRtpHeaderExtensionParameters(id=number, uri=uri)
        for number, uri in zip(ids or (), uris, strict=False)
    ]
    return RTCRtpParameters(codecs=list(codecs), headerExtensions=extensions, muxId="mid0")


def frame(size: int, pts: int) -> Packet[Any]:
    packet = Packet(bytes(i % 251 for i in range(size)))
    packet.pts = pts
    packet.time_base = Fraction(1, 48_000)
    return packet


def read(data: bytes, known: RTCRtpParameters) -> RtpPacket:
    extensions = HeaderExtensionsMap()
    extensions.configure(known)
    return RtpPacket.parse(data, extensions)


@pytest.mark.parametrize("ids", [(3, 4), (3, 200), (200, 3)])
def test_a_picture_fills_as_many_packets_as_it_needs(ids: tuple[int, int]) -> None:
    known = parameters(VP8, RTX, ids=ids)
    packer = RtpPacker(known, 7, 8)
    first, second = (
        [read(p, known) for p in packer.pack(frame(3000, 1920 * i), NTP)] for i in (0, 1)
    )
    assert [packet.marker for packet in first] == [0, 0, 1]
    numbers = [packet.sequence_number for packet in first + second]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
    assert {packet.ssrc for packet in first} == {7}
    assert {packet.payload_type for packet in first} == {96}
    assert (second[0].timestamp - first[0].timestamp) % (1 << 32) == 3600
    for packet in first:
        assert packet.extensions.mid == "mid0"
        assert packet.extensions.abs_send_time == NTP >> 14 & 0xFFFFFF
        assert len(packet.payload) <= 1300


def test_sound_is_one_packet_on_the_clock_of_media() -> None:
    known = parameters(OPUS, ids=None)
    packer = RtpPacker(known, 7, 8)
    first, second = (read(packer.pack(frame(80, 960 * i), NTP)[0], known) for i in (0, 1))
    assert first.payload == bytes(frame(80, 0))
    assert (first.marker, first.payload_type, first.extensions.mid) == (1, 111, None)
    assert (second.timestamp - first.timestamp) % (1 << 32) == 960


def test_a_packet_is_repeated_in_a_stream_of_its_own() -> None:
    known = parameters(VP8, RTX)
    packer = RtpPacker(known, 7, 8)
    sent = [read(p, known) for p in packer.pack(frame(3000, 0), NTP)]
    again = [packer.repeat(packet.sequence_number, NTP) for packet in sent]
    read_again = [read(data, known) for data in again if data is not None]
    assert [(p.payload_type, p.ssrc) for p in read_again] == [(97, 8)] * 3
    for before, after in zip(sent, read_again, strict=True):
        restored = unwrap_rtx(after, payload_type=96, ssrc=7)
        assert restored.sequence_number == before.sequence_number
        assert (restored.payload, restored.marker) == (before.payload, before.marker)
    assert packer.repeat(sent[0].sequence_number - 1, NTP) is None, "was never sent"


def test_without_a_type_for_it_the_packet_itself_is_repeated() -> None:
    packer = RtpPacker(parameters(VP8), 7, 8)
    (sent,) = packer.pack(frame(100, 0), NTP)
    assert packer.repeat(int.from_bytes(sent[2:4]), NTP) == sent


def test_what_was_long_ago_is_not_repeated() -> None:
    packer = RtpPacker(parameters(VP8, RTX), 7, 8)
    (sent,) = packer.pack(frame(100, 0), NTP)
    for i in range(1, 129):
        packer.pack(frame(100, 1920 * i), NTP)
    assert packer.repeat(int.from_bytes(sent[2:4]), NTP) is None


def test_reports_put_the_media_clock_on_the_wall_clock() -> None:
    known = parameters(VP8, RTX)
    packer = RtpPacker(known, 7, 8)
    assert packer.report(NTP) == RtcpSenderInfo(0, 0, 0, 0)
    tick = (1 << 32) // 25
    packets = [
        read(data, known)
        for i in range(2)
        for data in packer.pack(frame(2000, 1920 * i), NTP + i * tick)
    ]
    report = packer.report(NTP + tick + (1 << 31))
    assert report.ntp_timestamp == NTP + tick + (1 << 31)
    assert (report.rtp_timestamp - packets[-1].timestamp) % (1 << 32) == 45_000
    assert report.packet_count == 4
    assert report.octet_count == sum(len(packet.payload) for packet in packets)


class Network:
    """A transport that fails as it is told."""

    state = "connected"

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.sent: list[bytes] = []

    async def _send_rtp(self, data: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(data)


async def connected(network: Any) -> tuple[RtpStream, asyncio.Task[Any]]:
    stream = RtpStream("audio")
    stream.connect(RTCRtpSender(stream.track, network), parameters(OPUS))
    reading = asyncio.create_task(stream.track.recv())
    await asyncio.sleep(0)
    return stream, reading


async def test_what_is_made_before_the_connection_is_up_is_not_sent_later() -> None:
    network: Any = Network()
    stream = RtpStream("audio")
    stream.send(frame(80, 0))
    stream.connect(RTCRtpSender(stream.track, network), parameters(OPUS))
    stream.send(frame(80, 960))
    assert not stream.open
    reading = asyncio.create_task(stream.track.recv())
    await asyncio.sleep(0)
    assert stream.open
    stream.send(frame(80, 1920))
    assert len(network.sent) == 1
    stream.stop()
    await asyncio.wait([reading])
    assert not stream.open


async def test_a_lost_connection_loses_packets_and_nothing_else() -> None:
    network = Network()
    stream, reading = await connected(network)
    network.failure = ConnectionError()
    stream.send(frame(80, 0))
    network.failure = None
    stream.send(frame(80, 960))
    assert len(network.sent) == 1
    reading.cancel()


async def test_a_stream_that_cannot_be_sent_ends_without_harm_to_others() -> None:
    network = Network()
    stream, reading = await connected(network)
    network.failure = ValueError("no")
    stream.send(frame(80, 0))
    await asyncio.wait([reading])
    assert not stream.open
