"""Encoding once for many viewers: real decoders see what was published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Literal

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from streaming.broadcast import Broadcast
from streaming.encoders import OpusEncoder, PictureEncoder, VideoCodec
from streaming.figures import MediaFigures
from streaming.rtp import RtpStream
from streaming.stages import StageTimes


def picture(level: int) -> np.ndarray:
    image = np.full((96, 64), 128, np.uint8)
    image[:64] = level
    image[16:48, 16:48] = 255 - level
    return image


class KeptStream(RtpStream):
    """A stream without a connection: keeps what is sent."""

    def __init__(self, kind: Literal["audio", "video"]) -> None:
        super().__init__(kind)
        self.connected = True
        self._packets: asyncio.Queue[Packet[Any]] = asyncio.Queue()

    @property
    def open(self) -> bool:
        return self.connected

    def send(self, frame: Packet[Any]) -> None:
        self._packets.put_nowait(frame)

    async def recv(self) -> Packet[Any]:
        return await self._packets.get()


class Watcher:
    """A viewer whose connection is up, and the streams that it is sent."""

    def __init__(self, broadcast: Broadcast, codec: VideoCodec) -> None:
        self.audio, self.video = KeptStream("audio"), KeptStream("video")
        self.viewer = broadcast.join()
        self.viewer.codec = codec
        self.viewer.audio, self.viewer.video = self.audio, self.video


@asynccontextmanager
async def broadcasting(figures: MediaFigures | None = None) -> AsyncGenerator[Broadcast]:
    with ThreadPoolExecutor(1) as executor:
        broadcast = Broadcast(executor, StageTimes(), figures or MediaFigures(), 500_000)
        task = asyncio.create_task(broadcast.run())
        yield broadcast
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("codec", "decoder"), [("VP8", "vp8"), ("H264", "h264")])
def test_pictures_survive_the_codec(codec: VideoCodec, decoder: str) -> None:
    encoder = PictureEncoder(codec)
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, VideoCodecContext)
    decoded = []
    for i in range(10):
        for packet in encoder.encode(picture(60 + 10 * i), 1920 * i, keyframe=i == 0):
            assert packet.pts == 1920 * i
            assert packet.is_keyframe == (i == 0)
            decoded += [(packet.pts, f.to_ndarray()) for f in context.decode(packet)]
    assert [pts for pts, _ in decoded] == [1920 * i for i in range(10)]
    for i, (_, image) in enumerate(decoded):
        assert np.abs(image[:64].astype(int) - picture(60 + 10 * i)[:64]).mean() < 6


@pytest.mark.parametrize("resilient", [False, True])
def test_sound_survives_opus(resilient: bool) -> None:
    encoder = OpusEncoder(resilient=resilient)
    context = av.CodecContext.create("libopus", "r")
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
    heard = []
    for i, packet_pcm in enumerate(tone.reshape(-1, 960)):
        packets = encoder.encode(packet_pcm, 960 * i)
        assert [packet.pts for packet in packets] == [960 * i], "one packet each, no delay"
        for packet in packets:
            heard += [frame.to_ndarray() for frame in context.decode(packet)]
    sound = np.concatenate([frame.reshape(-1) for frame in heard])
    assert np.abs(sound).max() > 0.4 * (1 if sound.dtype.kind == "f" else 32_768)


async def test_two_viewers_share_one_encode() -> None:
    async with broadcasting() as broadcast:
        first, second = Watcher(broadcast, "VP8"), Watcher(broadcast, "VP8")
        packets = []
        for i in range(5):
            broadcast.publish_video(1920 * i, picture(100 + i))
            packets.append([await first.video.recv(), await second.video.recv()])
        assert all(a is b for a, b in packets)
        assert [a.is_keyframe for a, _ in packets] == [True, False, False, False, False]


async def test_a_late_viewer_starts_with_a_keyframe() -> None:
    async with broadcasting() as broadcast:
        first = Watcher(broadcast, "VP8")
        broadcast.publish_video(0, picture(100))
        await first.video.recv()
        second = Watcher(broadcast, "VP8")
        broadcast.publish_video(1920, picture(101))
        packet = await second.video.recv()
        assert packet.is_keyframe
        assert packet.pts == 1920


async def test_a_lost_picture_is_repaired_by_a_keyframe() -> None:
    async with broadcasting() as broadcast:
        viewer = Watcher(broadcast, "H264")
        kinds = []
        for i in range(4):
            if i == 2:
                viewer.viewer.request_keyframe()
            broadcast.publish_video(1920 * i, picture(100 + i))
            kinds.append((await viewer.video.recv()).is_keyframe)
        assert kinds == [True, False, True, False]


async def test_the_newest_picture_wins() -> None:
    figures = MediaFigures()
    async with broadcasting(figures) as broadcast:
        viewer = Watcher(broadcast, "VP8")
        for i in range(5):
            broadcast.publish_video(1920 * i, picture(100 + i))
        assert (await viewer.video.recv()).pts == 4 * 1920
        assert figures.pictures_skipped == 4


async def test_it_tells_how_long_after_its_sound_a_picture_leaves() -> None:
    offsets: list[float] = []
    async with broadcasting(MediaFigures(on_offset=offsets.append)) as broadcast:
        viewer = Watcher(broadcast, "VP8")
        for packet in range(6):
            broadcast.publish_audio(960 * packet, np.zeros(960, np.float32))
        broadcast.publish_video(1920, picture(100))
        await viewer.video.recv()
    assert offsets == [pytest.approx(0.060)]


def test_nobody_hears_that_sound_becomes_protected() -> None:
    encoder = OpusEncoder()
    context = av.CodecContext.create("libopus", "r")
    assert isinstance(context, AudioCodecContext)
    context.format, context.layout = "s16", "mono"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000).astype(np.float32)
    heard = []
    for number, pcm in enumerate(tone.reshape(-1, 960)):
        encoder.protect(number // 20 % 2 == 1)
        for packet in encoder.encode(pcm, 960 * number):
            heard += [frame.to_ndarray().reshape(-1) for frame in context.decode(packet)]
    bends = np.abs(np.diff(np.concatenate(heard).astype(float), 2))[4800:]
    smooth = 0.5 * 32_768 * (2 * np.pi * 440 / 48_000) ** 2
    assert bends.max() < 5 * smooth


async def test_sound_is_protected_for_a_viewer_whose_network_loses_packets() -> None:
    async with broadcasting() as broadcast:
        viewer = Watcher(broadcast, "VP8")
        tone = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
        coders = []
        for number, pcm in enumerate(tone.reshape(-1, 960)):
            if number == 25:
                viewer.viewer.report(0.05, None)
            broadcast.publish_audio(960 * number, pcm)
            # RFC 6716, section 3.1: only packets of the speech coder can carry another one.
            coders.append("music" if bytes(await viewer.audio.recv())[0] >> 3 >= 16 else "speech")
    assert coders == ["music"] * 25 + ["speech"] * 25


async def test_leaving_ends_the_streams() -> None:
    async with broadcasting() as broadcast:
        viewer = broadcast.join()
        reading = [asyncio.create_task(s.track.recv()) for s in (viewer.audio, viewer.video)]
        await asyncio.sleep(0)
        broadcast.leave(viewer)
        ends = await asyncio.gather(*reading, return_exceptions=True)
        assert [type(end) for end in ends] == [MediaStreamError] * 2
        broadcast.publish_audio(0, np.zeros(960, np.float32))


async def test_nothing_is_encoded_for_a_viewer_that_is_still_connecting() -> None:
    figures = MediaFigures()
    offsets: list[float] = []
    figures.on_offset = offsets.append
    async with broadcasting(figures) as broadcast:
        viewer = Watcher(broadcast, "VP8")
        viewer.video.connected = False
        broadcast.publish_video(0, picture(100))
        await asyncio.sleep(0.05)
        viewer.video.connected = True
        broadcast.publish_video(1920, picture(101))
        packet = await viewer.video.recv()
        assert (packet.pts, packet.is_keyframe) == (1920, True)
    assert len(offsets) == 1
