"""What the encoders' settings cost: CPU time, quality, bits.

    python -m benchmarks.encoding --json

All variants encode the same pictures of a speaking face, taking turns, so that other load on the
machine affects all of them alike. ``ms`` is CPU time per picture, ``ratio`` the same relative to
the settings in use, ``face_db`` the PSNR of the luma around the mouth.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field, replace
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext

from avatar_server.embedded import embedded_models
from avatar_server.models import Models, Step
from benchmarks.report import show
from motion.contract import SAMPLES_PER_FRAME, Controls
from renderer.contract import ImageArray
from streaming.clock import FPS, PACKET, TICK
from streaming.encoders import SETTINGS, CodecSettings, OpusEncoder, PictureEncoder, VideoCodec

_WARM: Final = 5
"""Pictures after which the rate control has settled."""

_VP8, _H264 = SETTINGS["VP8"], SETTINGS["H264"]


def _vp8(**options: str) -> CodecSettings:
    return replace(
        _VP8, options={**_VP8.options, **{k.replace("_", "-"): v for k, v in options.items()}}
    )


VARIANTS: Final[dict[str, tuple[VideoCodec, CodecSettings]]] = {
    "vp8": ("VP8", _VP8),
    "vp8_finer": ("VP8", replace(_VP8, quantisers=(4, 56))),
    "vp8_static_thresh_100": ("VP8", _vp8(static_thresh="100")),
    "vp8_static_thresh_1000": ("VP8", _vp8(static_thresh="1000")),
    "vp8_cpu_used_8": ("VP8", _vp8(cpu_used="-8")),
    "vp8_cpu_used_16": ("VP8", _vp8(cpu_used="-16")),
    "h264": ("H264", _H264),
    "h264_finer": ("H264", replace(_H264, quantisers=(2, 51))),
    "h264_ultrafast": ("H264", replace(_H264, options={**_H264.options, "preset": "ultrafast"})),
}


@dataclass(slots=True)
class Trial:
    """One variant at work."""

    encoder: PictureEncoder
    decoder: VideoCodecContext
    seconds: list[float] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    size: int = 0

    def encode(self, image: ImageArray, number: int) -> None:
        began = time.thread_time()
        packets = self.encoder.encode(image, number * TICK, number == 0)
        self.seconds.append(time.thread_time() - began)
        for packet in packets:
            self.size += packet.size
            for frame in self.decoder.decode(packet):
                self.likeness.append(_psnr(image, frame.to_ndarray()))


def _psnr(drawn: npt.NDArray[np.uint8], seen: npt.NDArray[Any]) -> float:
    """PSNR of the luma around the mouth."""
    side = drawn.shape[1]
    rows, columns = slice(side // 2, side * 9 // 10), slice(side // 4, side * 3 // 4)
    error = drawn[rows, columns].astype(np.float32) - seen[rows, columns]
    return float(10 * np.log10(255**2 / max(1e-6, float(np.mean(error**2)))))


def pictures(models: Models, avatar: str, count: int) -> list[ImageArray]:
    """A face that speaks syllables of noise."""
    face, chunk = models.avatar(avatar), models.generator.chunk
    random, moment = np.random.default_rng(0), models.begin(models.avatar(avatar))
    drawn: list[ImageArray] = []
    while len(drawn) < count:
        samples = (chunk + 1) * SAMPLES_PER_FRAME
        loud = np.repeat(random.uniform(0, 0.3, chunk + 1), SAMPLES_PER_FRAME)
        sound = (loud * random.normal(0, 1, samples)).astype(np.float32)
        speech, ahead = np.split(sound, [chunk * SAMPLES_PER_FRAME])
        ((motion, (*_, moment)),) = models.advance([Step(moment, speech, ahead, Controls())])
        drawn += models.renderer.render_views([(face, row) for row in motion])
    return drawn[:count]


def run(avatar: str, count: int, bitrate: int) -> dict[str, float | int | None]:
    """Flat results; see the module for what they mean."""
    trials = {}
    for name, (codec, settings) in VARIANTS.items():
        decoder = av.CodecContext.create(codec.lower(), "r")
        assert isinstance(decoder, VideoCodecContext)
        trials[name] = Trial(PictureEncoder(codec, bitrate, settings), decoder)
    for number, image in enumerate(pictures(embedded_models(), avatar, count)):
        for trial in trials.values():
            trial.encode(image, number)
    results: dict[str, float | int | None] = {}
    usual = statistics.fmean(trials["vp8"].seconds[_WARM:])
    for name, trial in trials.items():
        mean = statistics.fmean(trial.seconds[_WARM:])
        results[f"ms.{name}"] = round(mean * 1e3, 2)
        results[f"ratio.{name}"] = round(mean / usual, 2)
        results[f"face_db.{name}"] = round(statistics.fmean(trial.likeness[_WARM:]), 1)
        results[f"kbit_s.{name}"] = round(trial.size * 8 * FPS / count / 1000)
    results |= {f"ms.opus_{name}": round(ms, 3) for name, ms in _sound(50 * count // FPS).items()}
    return results


def _sound(packets: int) -> dict[str, float]:
    """Milliseconds per packet of sound."""
    noise = np.random.default_rng(0).normal(0, 0.1, PACKET).astype(np.float32)
    encoders = {"clear": OpusEncoder(), "resilient": OpusEncoder(resilient=True)}
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for number in range(packets):
        for name, encoder in encoders.items():
            began = time.thread_time()
            encoder.encode(noise, number * PACKET)
            seconds[name].append(time.thread_time() - began)
    return {name: statistics.fmean(times) * 1e3 for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--avatar", default="mira")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--bitrate", type=int, default=1_000_000)
    options = parser.parse_args()
    show("encoding", run(options.avatar, options.frames, options.bitrate), as_json=options.json)


if __name__ == "__main__":
    main()
