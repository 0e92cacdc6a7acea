"""One session's media, encoded once and handed to every viewer.

The session publishes packets of sound and pictures; they leave through the streams of each
:class:`Viewer`. Pictures are encoded on a thread and only while somebody watches.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from av.packet import Packet

from streaming.bandwidth import BandwidthTarget
from streaming.clock import PACKET, SAMPLE_RATE
from streaming.encoders import OpusEncoder, PictureEncoder, VideoCodec
from streaming.figures import MediaFigures
from streaming.resample import FloatArray
from streaming.rtp import RtpStream
from streaming.stages import StageTimes

_LOSSY: Final = 0.02
"""Share of lost packets from which sound is sent with error correction."""

_LOSSY_SECONDS: Final = 30.0
"""How long that lasts after the last such report."""


@dataclass(eq=False, slots=True)
class Viewer:
    """What one peer is sent; ``codec`` is None until the peer has negotiated one."""

    bandwidth: BandwidthTarget
    audio: RtpStream = field(default_factory=lambda: RtpStream("audio"))
    video: RtpStream = field(default_factory=lambda: RtpStream("video"))
    codec: VideoCodec | None = None
    needs_keyframe: bool = True
    _lossy_until: float = 0.0

    def report(self, loss: float, round_trip: float | None) -> None:
        """A receiver report: the share of lost packets, and the round trip in seconds if known."""
        self.bandwidth.reported(loss, round_trip)
        if loss >= _LOSSY:
            self._lossy_until = time.monotonic() + _LOSSY_SECONDS

    @property
    def loses_packets(self) -> bool:
        """Whether its network has lost packets lately."""
        return time.monotonic() < self._lossy_until

    def request_keyframe(self) -> None:
        """The viewer lost the picture (RTCP PLI or FIR): send it a whole one next."""
        self.needs_keyframe = True


class Broadcast:
    """Fans out the media of one session. Use from its event loop only."""

    def __init__(
        self, executor: Executor, stages: StageTimes, figures: MediaFigures, bitrate: int
    ) -> None:
        self._executor = executor
        self._stages = stages
        self._figures = figures
        self._bitrate = bitrate
        self._viewers: set[Viewer] = set()
        self._opus = OpusEncoder()
        self._encoders: dict[VideoCodec, PictureEncoder] = {}
        self._picture: tuple[int, npt.NDArray[np.uint8]] | None = None
        self._fresh = asyncio.Event()
        self._heard = 0
        """First media sample whose sound has not been sent yet."""

    def join(self) -> Viewer:
        viewer = Viewer(BandwidthTarget(self._bitrate, time.monotonic))
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        viewer.audio.stop()
        viewer.video.stop()

    def publish_audio(self, pts: int, pcm: FloatArray) -> None:
        """Send ``pcm [960]`` that belongs at media sample ``pts``."""
        self._heard = pts + len(pcm)
        self._opus.protect(any(viewer.loses_packets for viewer in self._viewers))
        for packet in self._opus.encode(pcm, pts):
            for viewer in self._viewers:
                viewer.audio.send(packet)

    def publish_video(self, pts: int, image: npt.NDArray[np.uint8]) -> None:
        """Send an I420 image; one that still waits for the encoder is replaced (latest wins)."""
        if self._picture is not None:
            self._figures.pictures_skipped += 1
        self._picture = (pts, image)
        self._fresh.set()

    async def run(self) -> None:
        """Encode published pictures until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            if self._picture is None:
                continue
            pts, image = self._picture
            self._picture = None
            for codec in {viewer.codec for viewer in self._viewers if viewer.codec}:
                watching = self._watching(codec)
                if not watching:
                    continue
                keyframe = any(viewer.needs_keyframe for viewer in watching)
                for viewer in watching:
                    viewer.needs_keyframe = False
                # One encode for all: the weakest network decides.
                bitrate = min(viewer.bandwidth.bitrate for viewer in watching)
                packets = await loop.run_in_executor(
                    self._executor, self._encode, codec, image, pts, keyframe, bitrate
                )
                for packet in packets:
                    self._deliver(codec, packet)
                self._figures.on_offset((self._heard - PACKET - pts) / SAMPLE_RATE)

    def _watching(self, codec: VideoCodec) -> list[Viewer]:
        return [v for v in self._viewers if v.codec == codec and v.video.open]

    def _encode(
        self,
        codec: VideoCodec,
        image: npt.NDArray[np.uint8],
        pts: int,
        keyframe: bool,
        bitrate: int,
    ) -> list[Packet[Any]]:
        with self._stages.measure("encode"):
            encoder = self._encoders.get(codec)
            if encoder is None:
                encoder = self._encoders[codec] = PictureEncoder(codec, bitrate)
            encoder.retarget(bitrate)
            return encoder.encode(image, pts, keyframe)

    def _deliver(self, codec: VideoCodec, packet: Packet[Any]) -> None:
        for viewer in self._watching(codec):
            viewer.bandwidth.sent(packet.size)
            # A viewer that joined after the encode began waits for a keyframe of its own.
            if viewer.needs_keyframe and not packet.is_keyframe:
                continue
            viewer.video.send(packet)
