"""The command ``avatar-client`` and the files that it records."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import AudioFrame, VideoFrame
from typer.testing import CliRunner

from client.cli import app
from client.mp4 import Mp4Writer

SENTENCE = (
    "Please bring my five big blue boats back before the evening, and call Bob about it, "
    "because he wants to paint the old one."
)


def test_say_reports_and_records(server_url: str, tmp_path: Path) -> None:
    path = tmp_path / "said.mp4"
    result = CliRunner().invoke(
        app, ["say", SENTENCE, "--url", server_url, "--record", str(path), "--json"]
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert report["text"] == SENTENCE
    assert report["recording"] == str(path)
    assert 0 < report["connect_to_first_frame_ms"] < 5000
    assert 0 < report["say_to_audio_ms"] < 3000
    assert 0 < report["say_to_mouth_ms"] < 3000
    assert report["speech_seconds"] == pytest.approx(6.5, abs=2.0)
    assert 5 < report["fps"] < 30  # how near to 25 depends on what else the machine does
    assert abs(report["av_offset_ms_median"]) <= 60

    with av.open(str(path)) as file:
        assert file.streams.video[0].codec_context.name == "h264"
        assert file.streams.audio[0].codec_context.name == "aac"
        pictures = [frame.time or 0.0 for frame in file.decode(video=0)]
    with av.open(str(path)) as file:
        levels = [
            (frame.time or 0.0, float(np.abs(frame.to_ndarray()).max()))
            for frame in file.decode(audio=0)
        ]
    said = [time for time, level in levels if level > 0.02]
    assert np.diff(pictures).min() >= 0.039
    assert pictures[-1] == pytest.approx(levels[-1][0], abs=0.3)
    assert said[-1] - said[0] == pytest.approx(report["speech_seconds"], abs=0.5)


def test_say_tells_people(server_url: str) -> None:
    result = CliRunner().invoke(app, ["say", "Hello.", "--url", server_url])
    assert result.exit_code == 0, result.output
    assert "say to first sound" in result.output
    assert "per second" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--url", "nowhere"], "is not an address"),
        (["--avatar", "nobody"], "there is no avatar 'nobody'"),
        (["--emotion", "hunger"], "unknown emotion 'hunger'"),
        (["--record", "/nonexistent/said.mp4"], "No such file"),
    ],
)
def test_say_fails_in_words(server_url: str, options: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["say", "Hello.", "--url", server_url, *options])
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["say", ""], "1 to 4000 characters"),
        (["say", "x" * 4001], "1 to 4000 characters"),
        (["say", "Hello.", "--url", "http://127.0.0.1:port"], "is not an address"),
        (["load", "--html", "/nonexistent/load.html"], "no folder /nonexistent"),
    ],
)
def test_what_cannot_work_is_told_at_once(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_file_keeps_the_times_of_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "times.mp4"
    tone = (8000 * np.sin(np.arange(960) / 8)).astype(np.int16)
    with Mp4Writer(path, 64) as writer:
        for k in range(100):
            if 40 <= k < 60:
                continue  # lost
            frame = AudioFrame.from_ndarray(np.repeat(tone, 2)[None], "s16", "stereo")
            frame.sample_rate = 48_000
            writer.write(frame, k * 0.02)
        for k in range(10, 40):
            picture = VideoFrame.from_ndarray(np.full((96, 64), 4 * k, np.uint8), "yuv420p")
            picture.time_base = Fraction(1, 90_000)
            writer.write(picture, k * 0.04)
    with av.open(str(path)) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert times == pytest.approx([k * 0.04 for k in range(10, 40)], abs=0.002)
    with av.open(str(path)) as file:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    level = np.sqrt((sound[:96_000].reshape(-1, 4800) ** 2).mean(1))  # every 100 ms
    assert level[2:7].min() > 0.1
    assert level[9:11].max() < 0.01  # silence where the packets were lost
    assert level[13:18].min() > 0.1


def test_nothing_written_is_no_failure(tmp_path: Path) -> None:
    with Mp4Writer(tmp_path / "empty.mp4", 64):
        pass
