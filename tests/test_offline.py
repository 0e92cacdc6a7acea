"""Rendering to a file: every sample and frame is there, in time with each other."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest

from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError
from avatar_server.offline import TAIL_SECONDS, MediaFileError, read_audio, render_video
from motion.contract import Controls
from tests.fakes import flat_models


async def beeps(seconds: float = 3.0, rate: int = 22_050) -> AsyncIterator[SpeechChunk]:
    """A tone that is on in every second half second."""
    time = np.arange(int(seconds * rate)) / rate
    pcm = (0.6 * np.sin(2 * np.pi * 440 * time) * (time % 1.0 >= 0.5)).astype(np.float32)
    for chunk in np.array_split(pcm, 50):
        yield SpeechChunk(chunk, rate)


async def render(speech: AsyncIterator[SpeechChunk], out: Path) -> float:
    models = flat_models()
    return await render_video(
        models, models.avatar("flat"), speech, out, Controls(), lambda _: None
    )


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Brightness per frame at 25 fps, and sound at 48 kHz."""
    with av.open(str(path)) as container:
        light = [f.to_ndarray()[:64].mean() for f in container.decode(video=0)]
    with av.open(str(path)) as container:
        sound = [f.to_ndarray()[0] for f in container.decode(audio=0)]
    return np.array(light), np.concatenate(sound)


async def test_sound_and_picture_are_in_time(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    seconds = await render(beeps(), out)
    light, sound = read(out)
    assert seconds == pytest.approx(3.0 + TAIL_SECONDS, abs=0.4)
    assert len(light) == pytest.approx(seconds * 25, abs=1)
    assert len(sound) / 48_000 == pytest.approx(seconds, abs=0.05)
    loud = np.abs(sound[: len(light) * 1920].reshape(-1, 1920)).mean(1) > 0.1
    bright = light > (light.min() + light.max()) / 2
    assert (loud == bright).mean() > 0.95


async def test_a_recording_of_any_format_is_read(tmp_path: Path) -> None:
    first = tmp_path / "first.mp4"
    await render(beeps(), first)
    wav = tmp_path / "copy.ogg"
    with av.open(str(wav), "w") as container:
        stream = container.add_stream("libopus", rate=48_000)
        with av.open(str(first)) as source:
            for frame in source.decode(audio=0):
                frame.pts = None
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    chunks = [chunk async for chunk in read_audio(wav)]
    assert sum(len(c.pcm) for c in chunks) / chunks[0].rate == pytest.approx(3.6, abs=0.5)


async def test_no_speech_gives_the_tail_only(tmp_path: Path) -> None:
    async def nothing() -> AsyncIterator[SpeechChunk]:
        for chunk in list[SpeechChunk]():
            yield chunk

    seconds = await render(nothing(), tmp_path / "out.mp4")
    assert TAIL_SECONDS <= seconds <= TAIL_SECONDS + 0.4


@pytest.mark.parametrize("content", [None, b"", b"this is no sound", b"RIFF" + bytes(100)])
async def test_files_without_sound_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "in.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaFileError, match=r"in\.wav"):
        await render(read_audio(path), tmp_path / "out.mp4")


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaFileError, match="no_such"):
        await render(beeps(0.2), tmp_path / "no_such" / "out.mp4")
    with pytest.raises(MediaFileError, match="cannot be written"):
        await render(beeps(0.2), tmp_path / "out.unknown")


async def test_speech_that_breaks_off_leaves_the_old_file_alone(tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[SpeechChunk]:
        async for chunk in beeps(2.0):
            yield chunk
        raise SpeechSynthesisError("the voice broke")

    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(SpeechSynthesisError):
        await render(breaking(), out)
    assert out.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["out.mp4"], "nothing half made is left"
