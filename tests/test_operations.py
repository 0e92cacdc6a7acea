"""What operators rely on: health, metrics, logs, drain, ports, TURN credentials, IPv6."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from aiortc import RTCPeerConnection
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request

from avatar_server.admission import Admission
from avatar_server.health import Health
from avatar_server.ice import event_loop_factory, for_aiortc, for_browsers, ice_servers
from avatar_server.logs import JsonFormatter, current_session, set_up_logging
from avatar_server.session_limit import SessionLimit
from avatar_server.settings import PortRange, Settings
from avatar_server.video_rate import VideoRate
from streaming.protocol import ErrorEvent, PictureRate, Pong, Ready, Speaking
from tests.until import until_answer, until_gone
from tests.webrtc_browser import WAIT, Browser, browser, running

__all__ = ["browser"]


async def scrape(http: httpx.AsyncClient) -> dict[str, float]:
    """Samples by name and labels."""
    response = await http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_it_is_not_ready_while_there_is_nothing_to_run_sessions_in() -> None:
    async def figures(_: Request) -> bytes:
        return b""

    workers: list[int] = []
    health = Health(Admission(SessionLimit.fixed(1)), figures, lambda: bool(workers))
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        starting = await http.get("/readyz")
        assert (starting.status_code, starting.json()["status"]) == (503, "starting")
        workers.append(0)
        assert (await http.get("/readyz")).status_code == 200


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine keeps up changes nothing."""

    async def watch(*_: object) -> None: ...

    monkeypatch.setattr(VideoRate, "watch", watch)


async def test_clients_are_told_how_often_pictures_come(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch, unwatched: None
) -> None:
    rate = VideoRate()
    monkeypatch.setattr("avatar_server.app.VideoRate", lambda: rate)
    async with running() as (_, http):
        first, second = browser(keeps_rates=True), browser(keeps_rates=True)
        await first.connect(http)
        assert isinstance(await first.event(), Ready)
        for _ in range(2):
            for _ in range(25):
                rate.note(late=True)
            rate.second(busy=1.0)
        assert await first.event() == PictureRate(fps=12.5)
        await second.connect(http)
        assert [type(await second.event()), await second.event()] == [Ready, PictureRate(fps=12.5)]
        assert (await scrape(http))["avatar_video_fps"] == 12.5


async def test_metrics_count_what_happens(browser: Callable[..., Browser]) -> None:
    async with running(max_sessions=1) as (_, http):
        viewer = browser()
        await viewer.connect(http)
        await viewer.event()
        viewer.send(type="interrupt")
        viewer.send(type="express", emotion="grumpy")
        viewer.send(type="nonsense")
        await viewer.event()
        await viewer.event()
        body = {"sdp": await browser().offer(), "type": "offer"}
        assert (await http.post("/api/offer", json=body)).status_code == 503
        await viewer.picture()
        seen = await scrape(http)
        assert seen["avatar_sessions"] == seen["avatar_sessions_limit"] == 1
        assert seen["avatar_admissions_total[admitted]"] == 1
        assert seen["avatar_admissions_total[server_full]"] == 1
        assert seen["avatar_events_total[interrupt]"] == 1
        assert seen["avatar_errors_total[bad_message]"] == 2
        assert seen["avatar_peers_total[VP8]"] == 1
        assert seen["avatar_ice_total[connected]"] == 1
        assert seen["avatar_ice_paths_total[host][host]"] == 1
        assert seen["avatar_video_fps"] == 25
        assert seen["avatar_pictures_total"] > 0
        assert seen["avatar_av_offset_seconds_count"] > 0
        assert seen["avatar_scheduler_hangs_total"] == 0
        assert seen["avatar_clock_stalls_total"] >= 0
        for stage in ("motion", "render", "encode"):
            assert seen[f"avatar_stage_seconds_count[{stage}]"] > 0
        await viewer.close()
        await until_gone(http)
        seen = await scrape(http)
        assert seen["avatar_sessions"] == 0
        assert seen["avatar_session_seconds_count"] == 1
        assert seen["process_open_fds"] > 0


async def test_a_full_server_is_alive_but_not_ready(browser: Callable[..., Browser]) -> None:
    async with running(max_sessions=1) as (_, http):
        assert (await http.get("/readyz")).json()["status"] == "ready"
        viewer = browser()
        await viewer.connect(http)
        full = await http.get("/readyz")
        assert full.status_code == 503
        assert full.json() == {"status": "full", "sessions": 1, "limit": 1, "waiting": 0}
        assert (await http.get("/healthz")).status_code == 200


async def test_a_session_ends_after_its_time(browser: Callable[..., Browser]) -> None:
    async with running(max_session_minutes=1 / 60) as (_, http):
        viewer = browser()
        await viewer.connect(http)
        error = await viewer.until(ErrorEvent)
        assert error.code == "session_expired"
        assert "at most" in error.message
        await until_gone(http)


async def test_logs_carry_the_session_and_not_what_was_said(
    browser: Callable[..., Browser], caplog: pytest.LogCaptureFixture, unwatched: None
) -> None:
    sessions_logged: list[str | None] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            sessions_logged.append(current_session.get())

    keep = Keep()
    logging.getLogger("avatar_server").addHandler(keep)
    caplog.set_level(logging.DEBUG)
    try:
        async with running() as (_, http):
            viewer = browser()
            await viewer.connect(http)
            ready = await viewer.expect(Ready)
            viewer.send(type="say", text="swordfish", utterance="u")
            await viewer.until(Speaking, reason="finished")
            await viewer.close()
            await until_gone(http)
    finally:
        logging.getLogger("avatar_server").removeHandler(keep)
    assert set(sessions_logged) == {ready.session}
    assert "swordfish" not in caplog.text


def test_json_lines_have_the_session_and_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        set_up_logging("info", "json")
        token = current_session.set("s1")
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("avatar_server.test").exception("it failed: %d", 7)
        finally:
            current_session.reset(token)
        logging.getLogger("aioice.ice").info("Check CandidatePair")
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert line["session"] == "s1"
    assert (line["level"], line["message"]) == ("error", "it failed: 7")
    assert "ValueError: broken" in line["error"]
    assert JsonFormatter().format(logging.makeLogRecord({"msg": "x"})).startswith("{")


def test_turn_credentials_end_and_are_what_coturn_expects() -> None:
    settings = Settings.model_validate(
        {
            "ice_servers": [{"urls": "stun:stun.example"}],
            "turn_urls": ["turn:turn.example:3478", "turns:turn.example:5349"],
            "turn_secret": "north",
            "turn_seconds": 600,
        }
    )
    stun, turn, _ = for_browsers(ice_servers(settings, now=lambda: 1000.9))
    assert stun == {"urls": "stun:stun.example"}
    assert turn["username"] == "1600"
    expected = hmac.new(b"north", b"1600", hashlib.sha1).digest()
    assert base64.b64decode(turn["credential"]) == expected
    ours = for_aiortc(ice_servers(settings, now=lambda: 1000.9))
    assert [server.credential for server in ours[1:]] == [turn["credential"]] * 2
    assert "north" not in repr(settings)


def candidates(sdp: str) -> list[tuple[str, int]]:
    found = re.findall(r"a=candidate:\S+ \d udp \d+ (\S+) (\d+) typ host", sdp)
    return [(address, int(port)) for address, port in found]


def test_media_uses_the_ports_that_are_set_and_fails_without_harm_when_all_are_taken() -> None:
    ports = PortRange(first=47_100, last=47_107)

    async def gather() -> list[list[tuple[str, int]]]:
        first, second = RTCPeerConnection(), RTCPeerConnection()
        try:
            for one in (first, second):
                one.createDataChannel("x")
                await one.setLocalDescription(await one.createOffer())
            return [candidates(one.localDescription.sdp) for one in (first, second)]
        finally:
            await first.close()
            await second.close()

    with asyncio.Runner(loop_factory=event_loop_factory(ports)) as runner:
        first, second = runner.run(gather())
    assert first
    assert not set(first) & set(second)
    assert {port for _, port in first + second} <= set(ports.all())

    async def exhaust() -> None:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0)))[0]
            for _ in ports.all()
        ]
        with pytest.raises(OSError, match="47100 to 47107"):
            await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
        for transport in opened:
            transport.close()

    with asyncio.Runner(loop_factory=event_loop_factory(ports)) as runner:
        runner.run(exhaust())


async def test_media_over_ipv6_alone(browser: Callable[..., Browser]) -> None:
    def without_ipv4(sdp: str) -> str:
        kept = [
            line
            for line in sdp.splitlines()
            if not re.match(r"a=candidate:\S+ \d udp \d+ \d+\.", line)
        ]
        return "\r\n".join(kept) + "\r\n"

    async with running() as (_, http):
        viewer = browser()
        offer = without_ipv4(await viewer.offer())
        if not candidates(offer):
            pytest.skip("this machine has no IPv6 address")
        response = await http.post("/api/offer", json={"sdp": offer, "type": "offer"})
        answer = without_ipv4(response.json()["sdp"])
        assert candidates(answer)
        await viewer.accept(answer)
        assert await viewer.event()


@contextmanager
def process(*options: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """The real server, and its URL."""
    command = [sys.executable, "-m", "avatar_server", "serve", "--port", "0", *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, server.communicate()[1]
        yield server, found.group()
    finally:
        server.kill()
        server.communicate()


@asynccontextmanager
async def client(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=WAIT) as http:
        yield http


async def test_a_drain_lets_sessions_end_and_takes_no_more(
    browser: Callable[..., Browser],
) -> None:
    with process("--host", "::", "--log-level", "info") as (server, url):
        url = url.replace("[::]", "[::1]")
        async with client(url) as http:
            viewer = browser()
            pc_id = await viewer.connect(http)
            await viewer.event()
            server.send_signal(signal.SIGTERM)
            await until_answer(http, "/readyz", lambda ready: ready["status"] == "draining")
            body = {"sdp": await browser().offer(), "type": "offer"}
            refused = await http.post("/api/offer", json=body)
            assert (refused.status_code, refused.json()["error"]) == (503, "draining")
            viewer.send(type="ping", id=5)
            assert (await viewer.expect(Pong)).id == 5, "the session goes on"
            assert (await http.delete(f"/api/offer/{pc_id}")).status_code == 204
        _, errors = await asyncio.to_thread(server.communicate, timeout=WAIT)
        assert server.returncode == -signal.SIGTERM
        assert "draining: 1 sessions" in errors
        assert "the client left" in errors
        assert "CandidatePair" not in errors
