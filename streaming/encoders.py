"""Opus, VP8 and H264 encoders tuned for one talking face in real time.

aiortc's own encoders restart (and so send a keyframe) whenever the estimated bandwidth moves by
a tenth, use settings made for camera noise, and run once per viewer. These encode once per
session; aiortc only packs the result into RTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from streaming.clock import FPS, SAMPLE_RATE
from streaming.resample import FloatArray

VideoCodec = Literal["VP8", "H264"]

MEDIA_TIME_BASE: Final = Fraction(1, SAMPLE_RATE)
_KEYFRAME_INTERVAL: Final = 3_000
"""Frames; viewers that need a keyframe ask for one (RTCP PLI)."""


# Made once: looking them up by name takes longer than copying a packet's samples.
_SAMPLES: Final = av.AudioFormat("flt")
_MONO: Final = av.AudioLayout("mono")

# docs/performance.md has the measurements behind these settings and those of video.
_CLEAR: Final = {"application": "audio", "compression_level": "0"}
_RESILIENT: Final = {
    "application": "voip",
    "compression_level": "3",
    "fec": "1",
    "packet_loss": "5",
}


class OpusEncoder:
    """Mono speech as Opus packets of 20 ms (RFC 6716).

    A ``resilient`` encoder uses in-band forward error correction: each packet carries the one
    before at a low bitrate. That requires Opus' speech mode, which sounds worse and costs twice
    the time.
    """

    def __init__(self, bitrate: int = 48_000, *, resilient: bool = False) -> None:
        self._bitrate = bitrate
        self._resilient = resilient
        self._context = self._open()
        self._last: av.AudioFrame | None = None

    def protect(self, resilient: bool) -> None:
        """Switch error correction on or off, without an audible click."""
        if resilient != self._resilient:
            self._resilient = resilient
            self._context = self._open()
            if self._last is not None:
                # An encoder that starts in the middle of a sound clicks: prime it with the last.
                self._context.encode(self._last)

    def encode(self, pcm: FloatArray, pts: int) -> list[Packet[Any]]:
        """Packets for float32 ``pcm [960]`` at media sample ``pts``."""
        frame = av.AudioFrame(_SAMPLES, _MONO, len(pcm))
        frame.planes[0].update(pcm.tobytes())
        frame.sample_rate = SAMPLE_RATE
        frame.pts = pts
        frame.time_base = MEDIA_TIME_BASE
        packets = self._context.encode(frame)
        self._last = frame
        for packet in packets:
            # The encoder counts its look-ahead as negative time; the clock does not.
            packet.pts = pts
            packet.time_base = MEDIA_TIME_BASE
        return packets

    def _open(self) -> AudioCodecContext:
        context = av.CodecContext.create("libopus", "w")
        assert isinstance(context, AudioCodecContext)
        context.bit_rate = self._bitrate
        context.format = _SAMPLES
        context.layout = _MONO
        context.sample_rate = SAMPLE_RATE
        context.time_base = MEDIA_TIME_BASE
        options = _RESILIENT if self._resilient else _CLEAR
        context.options = {"frame_duration": "20", **options}
        return context


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Settings of a video encoder."""

    library: str
    """FFmpeg's name of the encoder."""
    options: Mapping[str, str]
    quantisers: tuple[int, int]
    """Smallest and largest quantiser. At the smallest a face has a PSNR of 44 dB: more bits would
    cost time and packets without a visible gain."""
    profile: str | None = None


SETTINGS: Final[Mapping[VideoCodec, CodecSettings]] = {
    "VP8": CodecSettings(
        library="libvpx",
        options={
            "deadline": "realtime",
            "lag-in-frames": "0",
            # A drawn face has no camera noise: denoising costs time and blurs it.
            "noise-sensitivity": "0",
            "cpu-used": "-12",
            # Skip blocks that hardly change.
            "static-thresh": "500",
            "overshoot-pct": "15",
            "undershoot-pct": "100",
        },
        quantisers=(12, 56),
    ),
    "H264": CodecSettings(
        library="libx264",
        options={"preset": "superfast", "tune": "zerolatency", "level": "31"},
        quantisers=(20, 51),
        profile="Baseline",
    ),
}
"""Chosen by ``benchmarks.encoding``."""


class PictureEncoder:
    """VP8 or H264 (constrained baseline) at a constant bitrate, on one thread.

    The context opens with the first image; every image must have the same size.
    """

    def __init__(
        self,
        codec: VideoCodec,
        bitrate: int = 1_000_000,
        settings: CodecSettings | None = None,
    ) -> None:
        self._settings = settings or SETTINGS[codec]
        self._bitrate = bitrate
        self._context: VideoCodecContext | None = None

    def retarget(self, bitrate: int) -> None:
        """Encode for another bitrate, beginning with a keyframe.

        FFmpeg cannot change the bitrate of a running VP8 encoder.
        """
        if bitrate != self._bitrate:
            self._bitrate = bitrate
            self._context = None

    def encode(self, image: npt.NDArray[np.uint8], pts: int, keyframe: bool) -> list[Packet[Any]]:
        """Packets for one I420 ``image [H * 3 / 2, W]`` at media sample ``pts``."""
        if self._context is None:
            self._context = self._open(image.shape[1], image.shape[0] * 2 // 3)
        # No copy: the encoder is done with the image when this returns.
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="yuv420p")
        frame.pts = pts
        frame.time_base = MEDIA_TIME_BASE
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        packets = self._context.encode(frame)
        for packet in packets:
            packet.pts = pts
            packet.time_base = MEDIA_TIME_BASE
        return packets

    def _open(self, width: int, height: int) -> VideoCodecContext:
        settings = self._settings
        context = av.CodecContext.create(settings.library, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p"
        context.bit_rate = self._bitrate
        context.time_base = MEDIA_TIME_BASE
        context.framerate = Fraction(FPS, 1)
        context.gop_size = _KEYFRAME_INTERVAL
        context.thread_count = 1
        context.qmin, context.qmax = settings.quantisers
        options = dict(settings.options)
        if settings.library == "libvpx":
            # Equal bounds make libvpx keep a constant bitrate.
            options |= dict.fromkeys(("minrate", "maxrate", "bufsize"), str(self._bitrate))
        context.options = options
        if settings.profile is not None:
            context.profile = settings.profile
        return context
