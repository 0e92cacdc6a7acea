"""The load test: what follows from arrivals, how it is summed up, and a small one for real."""

from __future__ import annotations

import io
import time
import wave
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from client.cli import app
from client.http import ConnectError
from client.load.arrivals import PLAYER_BUFFER, Arrivals
from client.load.chart import Series, line_chart, ticks
from client.load.live import LiveTable
from client.load.page import report_page
from client.load.plan import LoadPlan, Scenario
from client.load.result import Second, Session
from client.load.run import LoadError, run_load
from client.load.speech import read_speech
from client.load.summary import Thresholds, summarise, timeline
from client.load.viewer import Viewer
from client.media import Sound
from client.peer import Peer
from renderer.library import BUILT_IN
from tests.live import live_server

PLAN = LoadPlan(url="http://x", sessions=2, seconds=4, ramp=1, scenario=Scenario.TALK)


def arrivals(pts: np.ndarray, delays: np.ndarray | float = 0.0) -> Arrivals:
    made = Arrivals()
    for at, arrival in zip(pts, pts + delays + 100.0, strict=True):
        made.add(float(at), float(arrival))
    return made


def test_the_rate_counts_only_the_window() -> None:
    video = arrivals(np.arange(100) * 0.04)
    assert video.rate(101.0, 102.0) == pytest.approx(25, abs=1)
    assert video.rate(110.0, 111.0) == 0


def test_lateness_is_relative_to_the_promptest_frame_nearby() -> None:
    delays = np.full(1000, 0.05)
    delays[30] += 0.2
    # The sender stalled for a second: all later frames are as prompt as they can be.
    delays[500:] += 1.0
    late = arrivals(np.arange(1000) * 0.04, delays).lateness()
    assert late[30] == pytest.approx(0.2)
    assert late[:30].max() == pytest.approx(0)
    assert late[-200:].max() == pytest.approx(0)


def test_a_freeze_that_lasts_to_the_end_counts() -> None:
    video = arrivals(np.arange(50) * 0.04)
    assert video.freezes(end=102.0) == 0
    assert video.freezes(end=110.0) == 1


def test_sound_that_arrives_within_the_players_buffer_has_no_gap() -> None:
    jitter = np.random.default_rng(0).uniform(0, 0.9 * PLAYER_BUFFER, 500)
    assert arrivals(np.arange(500) * 0.02, jitter).gaps() == 0


def test_every_lost_or_late_stretch_of_sound_is_one_gap() -> None:
    pts = np.arange(500) * 0.02
    assert arrivals(np.delete(pts, [100, 101, 102, 300])).gaps() == 2
    delays = np.zeros(500)
    delays[200] = 0.5
    delays[201:] = 0.5
    assert arrivals(pts, delays).gaps() == 1


def test_packets_out_of_order_are_no_gap_if_they_are_in_time() -> None:
    delays = np.zeros(100)
    delays[50] = 0.05
    sound = Arrivals()
    packets = sorted((0.02 * i + delay, 0.02 * i) for i, delay in enumerate(delays))
    for at, pts in [*packets, (2.0, 0.02 * 99)]:
        sound.add(pts, at)
    assert sound.gaps() == 0


def good(viewer: int, **changes: object) -> Session:
    session = Session(viewer=viewer, outcome="ok", fps=25.0, connect_ms=80.0 + viewer)
    return session.model_copy(update=changes)


def test_the_summary_counts_only_sessions_that_ran() -> None:
    refused = Session(viewer=3, outcome="refused", reason="full")
    slow = good(2, fps=20.0, audio_gaps=3, say_to_audio_ms=(100.0, 900.0))
    summary = summarise([good(0), good(1), slow, refused])
    assert (summary["ok"], summary["refused"], summary["fps.min"]) == (3, 1, 20.0)
    assert summary["audio_gaps.total"] == 3
    assert summary["connect_ms.p50"] == 81
    assert summary["interrupt_to_silence_ms.p95"] is None


def test_thresholds_say_what_does_not_hold() -> None:
    summary = summarise([good(0), good(1, fps=20.0, audio_gaps=1, say_to_audio_ms=(500.0,))])
    limits = Thresholds()
    assert len(limits.broken(summary)) == 2
    assert Thresholds(min_fps=20.0, max_audio_gaps=1).broken(summary) == []
    assert "500" in replace(limits, max_response_ms=400.0).broken(summary)[-1]
    unheard = replace(limits, max_response_ms=400.0).broken(summarise([good(0)]))
    assert unheard == ["nothing that was to be said was heard (at most 400 ms)"]
    refused = summarise([good(0), Session(viewer=1, outcome="refused")])
    assert "refused" in limits.broken(refused)[0]
    assert limits.broken(summarise([Session(viewer=0, outcome="failed")]))[0].startswith("1 ")


def test_the_timeline_leaves_out_the_broken_last_second() -> None:
    seconds = [Second(viewer=v, second=s, frames=25 - v, late_ms=v) for v in (0, 2) for s in (1, 7)]
    moments = timeline(seconds, PLAN)
    assert [(m.second, m.sessions, m.fps_median, m.fps_min) for m in moments] == [(1, 2, 24, 23)]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.03), (3, 1234), (-2, 2), (5, 5)])
def test_ticks_enclose_the_values(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert len(found) <= 8


def test_sessions_have_whole_ticks() -> None:
    assert ticks(1, 2, 8, whole=True) == [1, 2]


def test_the_report_is_well_formed_and_escapes_what_servers_say() -> None:
    seconds = [
        Second(viewer=v, second=s, frames=25, late_ms=s) for v in range(2) for s in range(1, 5)
    ]
    sessions = [good(0), Session(viewer=1, outcome="lost", reason='<script>"&')]
    page = report_page(PLAN, summarise(sessions), timeline(seconds, PLAN), sessions, ["a < b"])
    assert "<script>" not in page
    assert "a &lt; b" in page
    figures = page.count("<figure>")
    assert figures == 4
    chart = line_chart("A & B", "x", "y", [Series("<s>", [(0, 1), (1, 3)], steps=True)])
    assert ET.fromstring(chart).find(".//path").get("d", "").count("H") == 1  # type: ignore[union-attr]
    assert line_chart("none", "x", "y", [Series("s", [])]) == ""


async def test_viewers_in_processes_measure_a_real_server() -> None:
    plan = {"sessions": 3, "seconds": 5, "ramp": 4, "watch_every": 2, "size": 256}
    with live_server(max_sessions=2) as url:
        talk = LoadPlan(url=url, scenario=Scenario.BARGE_IN, **plan)  # type: ignore[arg-type]
        seconds: list[Second] = []
        sessions = await run_load(
            talk, lambda item: seconds.append(item) if isinstance(item, Second) else None, 2
        )
    assert [session.viewer for session in sessions] == [0, 1, 2]
    assert sorted(session.outcome for session in sessions) == ["ok", "ok", "refused"]
    for session in sessions:
        if session.outcome == "refused":
            assert "taken" in session.reason
            continue
        assert session.fps is not None
        assert 5 < session.fps < 27
        assert session.video_bytes > 0
        assert session.say_to_audio_ms
        assert session.interrupt_to_silence_ms
        assert 0 < session.interrupt_to_silence_ms[0] < 1000
    assert {second.viewer for second in seconds} == {
        session.viewer for session in sessions if session.outcome == "ok"
    }


class SlowPeer:
    """A server that speaks three seconds after it was asked to, and stops half a second late."""

    def __init__(self) -> None:
        self.audio: list[Sound] = []

    def say(self, text: str) -> str:
        self.asked = time.monotonic()
        return "u"

    async def event(self, *_: object, **__: object) -> None:
        self._hear(self.asked + 3.0, 4.0, 1000)

    def interrupt(self) -> None:
        now = time.monotonic()
        self._hear(now, 0.5, 1000)
        self._hear(now + 0.5, 0.5, 0)

    async def spoken(self, utterance: str) -> None:
        if len(self.audio) > 300:
            raise ConnectError("over", "the second round")

    def _hear(self, since: float, seconds: float, level: int) -> None:
        pcm = np.full(960, level, np.int16)
        self.audio += [Sound(t, t, pcm) for t in np.arange(since, since + seconds, 0.02)]


async def test_slow_answers_and_slow_silences_count(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = Viewer(PLAN, 0, time.monotonic(), lambda _: None)
    monkeypatch.setattr(viewer, "_random", SimpleNamespace(uniform=lambda *_: 0.0))
    peer: Any = SlowPeer()
    with pytest.raises(ConnectError):
        await viewer._barge_in(peer)
    assert 2990 < viewer._answers[0] < 4000
    assert 490 < viewer._silences[0] < 1000


async def test_nobody_waits_in_line_beyond_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def connect(url: str, *, wait: float, **_: object) -> None:
        waits.append(wait)
        raise ConnectError("server_full", "all places are taken", 503)

    monkeypatch.setattr(Peer, "connect", connect)
    plan = PLAN.model_copy(update={"wait": 600.0})
    session = await Viewer(plan, 0, time.monotonic(), lambda _: None).run()
    assert session.outcome == "refused"
    assert plan.end - 5 < waits[0] <= plan.end


async def test_viewers_that_get_another_size_than_they_ask_for_fail() -> None:
    with live_server() as url:
        plan = LoadPlan(
            url=url, sessions=1, seconds=1, ramp=1, scenario=Scenario.IDLE, size=512, watch_every=0
        )
        (session,) = await run_load(plan, lambda _: None)
    assert session.outcome == "failed"
    assert "64 pixels, not 512" in session.reason


async def test_a_server_that_is_not_there_fails_every_viewer() -> None:
    plan = LoadPlan(url="http://127.0.0.1:9", sessions=1, seconds=1, ramp=1, scenario=Scenario.IDLE)
    (session,) = await run_load(plan, lambda _: None)
    assert session.outcome == "failed"
    assert "no server answers" in session.reason


async def test_a_process_that_breaks_ends_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.load.run.sys.executable", "/bin/false")
    with pytest.raises(LoadError, match="status 1"):
        await run_load(PLAN, lambda _: None)


def test_the_exit_status_tells_whether_thresholds_hold() -> None:
    arguments = ["load", "--url", "http://127.0.0.1:9", "--sessions", "1", "--seconds", "1"]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 2
    assert '"failed": 1' in done.output


def test_speech_to_converse_ends_where_it_falls_silent(tmp_path: Path) -> None:
    rate = 16_000
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)
    samples = np.concatenate((tone, np.zeros(rate // 2)))
    file = tmp_path / "speech.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32_767).astype(np.int16).tobytes())
    speech = read_speech(str(file))
    assert len(speech.pcm) == pytest.approx(1.5 * 48_000, abs=50)
    assert speech.ends == pytest.approx(1.0, abs=0.02)


def test_the_table_shows_sessions_that_end_before_anything_is_measured() -> None:
    shown = io.StringIO()
    with LiveTable(PLAN, Console(file=shown, width=120)) as table:
        table.update(Session(viewer=0, outcome="failed"))
    assert "1 failed" in shown.getvalue()


def test_a_size_that_there_is_not_is_refused_in_words() -> None:
    done = CliRunner().invoke(app, ["load", "--size", "384"])
    assert done.exit_code == 1
    assert "256, 512 or 768" in done.output


def test_to_converse_without_speech_is_refused_in_words() -> None:
    done = CliRunner().invoke(app, ["load", "--scenario", "converse"])
    assert done.exit_code == 1
    assert "--speech" in done.output


@pytest.mark.parametrize("file", [__file__, str(BUILT_IN / "mira" / "face.png")])
def test_what_is_no_recording_is_refused_in_words(file: str) -> None:
    done = CliRunner().invoke(app, ["load", "--scenario", "converse", "--speech", file])
    assert done.exit_code == 1
    assert f"{file} cannot be used as speech" in done.output
