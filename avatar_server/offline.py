"""Renders speech to a video file: the pipeline of a session without its clock and network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from avatar_server.conversation.tts import SpeechChunk
from avatar_server.models import Models, Step
from motion.contract import Controls
from renderer.contract import Avatar, ImageArray
from streaming.clock import FPS, SAMPLE_RATE, TICK
from streaming.resample import FloatArray
from streaming.speech import SpeechBuffer, SpeechTick

CHUNK_TICKS: Final = 8
"""Frames that are animated and drawn at a time."""

TAIL_SECONDS: Final = 0.6
"""Silence after the speech, in which the mouth closes."""

_DECODE_RATE: Final = SAMPLE_RATE


class MediaFileError(ValueError):
    """A file cannot be read or written; the message says why."""


async def read_audio(path: Path) -> AsyncIterator[SpeechChunk]:
    """The first audio track of any file that FFmpeg reads, mixed to mono.

    Raises :class:`MediaFileError` for a missing file and for one without sound.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise MediaFileError(f"{path} has no audio track")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=_DECODE_RATE)
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    yield SpeechChunk(part.to_ndarray()[0], _DECODE_RATE)
            for part in resampler.resample(None):
                yield SpeechChunk(part.to_ndarray()[0], _DECODE_RATE)
    except FileNotFoundError as error:
        raise MediaFileError(f"there is no file {path}") from error
    except FFmpegError as error:
        raise MediaFileError(f"{path} cannot be read as audio: {error.strerror}") from error


async def render_video(
    models: Models,
    avatar: Avatar,
    speech: AsyncIterator[SpeechChunk],
    out: Path,
    controls: Controls,
    on_progress: Callable[[float], None],
) -> float:
    """Write ``speech`` spoken by ``avatar`` to ``out`` (H264 + AAC); returns its seconds.

    ``on_progress`` gets the seconds rendered so far. Raises :class:`MediaFileError` when the
    file cannot be written; ``out`` is there only once it is complete.
    """
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    try:
        with av.open(str(part), "w", options={"movflags": "+faststart"}) as container:
            writer = _Writer(container, avatar.size)
            async for ticks, motion in _animated(models, avatar, speech, controls):
                frames = models.renderer.render(avatar, motion)
                for tick, frame in zip(ticks, frames, strict=True):
                    writer.write(tick.audio, frame)
                on_progress(writer.seconds)
            writer.finish()
        part.replace(out)
        return writer.seconds
    except (FFmpegError, OSError, ValueError) as error:
        if isinstance(error, MediaFileError):
            raise
        raise MediaFileError(f"{out} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


async def _animated(
    models: Models, avatar: Avatar, speech: AsyncIterator[SpeechChunk], controls: Controls
) -> AsyncIterator[tuple[list[SpeechTick], FloatArray]]:
    """Ticks and their motion, a chunk at a time."""
    chunks = _chunks(speech, models.generator.lookahead)
    if models.clip is not None:
        ticks = [tick async for chunk in chunks for tick in chunk]
        motion = models.clip(avatar, np.concatenate([tick.speech for tick in ticks]), controls)
        for start in range(0, len(ticks), CHUNK_TICKS):
            rows = slice(start, start + CHUNK_TICKS)
            yield ticks[rows], motion[rows]
        return
    moment = models.begin(avatar)
    async for chunk in chunks:
        heard = np.concatenate([tick.speech for tick in chunk])
        step = Step(moment, heard, chunk[-1].ahead, controls)
        ((motion, (*_, moment)),) = models.advance([step])
        yield chunk, motion


async def _chunks(
    speech: AsyncIterator[SpeechChunk], lookahead: int
) -> AsyncIterator[list[SpeechTick]]:
    """Ticks of the speech and of the silence behind it, a chunk at a time."""
    buffer = SpeechBuffer(lookahead)
    source = buffer.begin("offline")
    wanted = (CHUNK_TICKS + lookahead + 1) / FPS
    async for chunk in speech:
        source.push(chunk.pcm, chunk.rate)
        while buffer.seconds_ahead() >= wanted:
            yield [buffer.take() for _ in range(CHUNK_TICKS)]
    tail = round(TAIL_SECONDS * FPS)
    source.push(np.zeros(tail * TICK, np.float32), SAMPLE_RATE)
    source.end()
    while buffer.ready:
        yield [buffer.take() for _ in range(CHUNK_TICKS)]


class _Writer:
    """One MP4 with both tracks cut from the same ticks."""

    def __init__(self, container: OutputContainer, size: int) -> None:
        self._container = container
        self._video: VideoStream = container.add_stream("libx264", rate=FPS)
        self._video.width = self._video.height = size
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"preset": "veryfast", "crf": "20"}
        self._audio: AudioStream = container.add_stream("aac", rate=SAMPLE_RATE)
        self._audio.layout = "mono"
        self._audio.bit_rate = 96_000
        self._ticks = 0

    @property
    def seconds(self) -> float:
        return self._ticks / FPS

    def write(self, pcm: FloatArray, image: ImageArray) -> None:
        picture = av.VideoFrame.from_ndarray(image, format="yuv420p")
        picture.pts = self._ticks
        picture.time_base = Fraction(1, FPS)
        self._container.mux(self._video.encode(picture))
        sound = av.AudioFrame.from_ndarray(pcm[None], format="flt", layout="mono")
        sound.sample_rate = SAMPLE_RATE
        sound.pts = self._ticks * TICK
        sound.time_base = Fraction(1, SAMPLE_RATE)
        self._container.mux(self._audio.encode(sound))
        self._ticks += 1

    def finish(self) -> None:
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))
