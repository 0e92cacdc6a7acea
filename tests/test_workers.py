"""Several real processes behind one front."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from avatar_server.admission import Admission
from avatar_server.session_limit import SessionLimit
from avatar_server.settings import Settings
from avatar_server.workers.messages import open_settings
from avatar_server.workers.pool import Pool, Worker
from benchmarks.server import running_server
from streaming.protocol import Pong, Ready, Speaking
from tests.socket_events import event
from tests.until import until, until_answer, until_gone
from tests.webrtc_browser import WAIT, Browser, browser

__all__ = ["browser"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    options = ("--workers", "2", "--max-sessions", "4", "--token", "key", "--log-level", "info")
    settings = {"resume_seconds": 0, "max_sessions_per_client": 4, "drain_seconds": WAIT}
    personas = tmp_path_factory.mktemp("personas")
    with running_server(*options, personas=personas, **settings) as url:
        yield url


@pytest.fixture
async def http(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer key"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=WAIT) as http:
        yield http
        await until_gone(http)


async def spread(http: httpx.AsyncClient) -> list[int]:
    workers = (await http.get("/api/status")).json()["workers"]
    return [worker["sessions"] for worker in workers]


async def test_sessions_are_spread_and_everything_of_one_reaches_its_process(
    http: httpx.AsyncClient, browser: Callable[..., Browser]
) -> None:
    viewers = [browser() for _ in range(4)]
    names = [await viewer.connect(http) for viewer in viewers]
    ready = [await viewer.expect(Ready) for viewer in viewers]
    assert await spread(http) == [2, 2]
    assert sorted(name.partition(".")[0] for name in names) == ["0", "0", "1", "1"]
    for viewer, name, its in zip(viewers, names, ready, strict=True):
        patch = {"pc_id": name, "candidates": [{"candidate": "", "sdp_mid": "0"}]}
        assert (await http.patch("/api/offer", json=patch)).status_code == 200
        said = await http.post(
            f"/v1/sessions/{its.session}/events", json={"type": "say", "text": "hello"}
        )
        assert said.status_code == 202
        assert (await viewer.expect(Speaking)).on
    session = ready[0].session
    watcher = browser(channel=False)
    watched = await http.post(
        f"/v1/whep?session={session}",
        content=await watcher.offer(),
        headers={"Content-Type": "application/sdp"},
    )
    assert (watched.status_code, watched.headers["avatar-session"]) == (201, session)
    assert (await http.delete(watched.headers["location"])).status_code == 200
    for name in names:
        assert (await http.delete(f"/api/offer/{name}")).status_code == 204


async def test_the_queue_and_the_limit_hold_over_all_processes(
    http: httpx.AsyncClient, browser: Callable[..., Browser]
) -> None:
    token = (await http.post("/v1/tokens", json={"client": "anna"})).json()["token"]
    names = [await browser().connect(http) for _ in range(4)]
    assert (await http.get("/readyz")).json() == {
        "status": "full", "sessions": 4, "limit": 4, "waiting": 0,
    }  # fmt: skip
    late = browser()
    body = {"sdp": await late.offer(), "type": "offer"}
    anna = {"Authorization": f"Bearer {token}"}
    refused = await http.post("/api/offer", json=body, headers=anna)
    assert refused.json()["error"] == "server_full"
    path = f"/api/queue/{refused.json()['queue']['ticket']}"
    told = []
    accept = {**anna, "Accept": "text/event-stream"}
    async with http.stream("GET", path, headers=accept) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                told.append(json.loads(line[5:])["ready"])
                if told[-1]:
                    break
                await http.delete(f"/api/offer/{names.pop()}")
    assert told == [False, True]
    body["ticket"] = refused.json()["queue"]["ticket"]
    answer = await http.post("/api/offer", json=body, headers=anna)
    assert answer.status_code == 200
    for name in [*names, answer.json()["pc_id"]]:
        assert (await http.delete(f"/api/offer/{name}")).status_code == 204


async def test_sockets_reach_the_process_of_their_session(
    url: str, http: httpx.AsyncClient, browser: Callable[..., Browser]
) -> None:
    socket_url = url.replace("http", "ws") + "/v1/speech"
    with pytest.raises(InvalidStatus, match="401"):
        async with connect(socket_url):
            pass
    viewer = browser()
    name = await viewer.connect(http)
    ready = await viewer.event()
    assert isinstance(ready, Ready)
    key = {"Authorization": "Bearer key"}
    async with connect(socket_url, additional_headers=key) as socket:
        await socket.send(json.dumps({"type": "start", "rate": 16000, "session": ready.session}))
        assert (await event(socket))["session"] == ready.session
        await socket.send(b"\x00\x10" * 16000)
        await socket.send(json.dumps({"type": "speak_end"}))
        await event(socket, "playback_started")
    async with connect(socket_url, additional_headers=key) as socket:
        await socket.send("nonsense")
        await socket.wait_closed()
        assert socket.close_code == 1003
    async with connect(socket_url, additional_headers=key) as socket:
        await socket.send(b"sound too soon")
        await socket.wait_closed()
        assert (socket.close_code, "start event" in str(socket.close_reason)) == (1003, True)
    assert (await http.delete(f"/api/offer/{name}")).status_code == 204


async def test_pipecat_clients_join_a_session_in_whichever_process_it_is(
    http: httpx.AsyncClient, browser: Callable[..., Browser]
) -> None:
    name = await (viewer := browser()).connect(http)
    ready = await viewer.event()
    assert isinstance(ready, Ready)
    wishes = {"session": ready.session}
    bot = (await http.post("/start", json={"body": wishes})).json()["sessionId"]
    for path, more in ((f"/sessions/{bot}/api/offer", {}), ("/api/offer", {"requestData": wishes})):
        offer = {"sdp": await browser().offer(), "type": "offer"}
        joined = await http.post(path, json={**offer, **more})
        assert joined.status_code == 200, joined.text
        guest = joined.json()["pc_id"]
        assert (await http.delete(f"/api/offer/{guest}")).status_code == 204
    assert (await http.delete(f"/api/offer/{name}")).status_code == 204


async def test_no_request_can_make_a_worker_fail(http: httpx.AsyncClient) -> None:
    """Names go to the front in lines of limited length."""
    workers = [await process_of(http, number) for number in range(2)]
    long = await http.post(
        "/v1/whep?ticket=" + "%01" * 12_000,
        content=b"v=0",
        headers={"Content-Type": "application/sdp"},
    )
    assert (long.status_code, long.json()["error"]) == (400, "bad_request")
    kind = {"Content-Type": "application/json"}
    deep = await http.post("/api/offer", content=b"[" * 50_000, headers=kind)
    assert (deep.status_code, deep.json()["error"]) == (400, "bad_request")
    assert [await process_of(http, number) for number in range(2)] == workers


async def test_a_persona_that_is_written_is_known_in_every_process(
    http: httpx.AsyncClient, browser: Callable[..., Browser]
) -> None:
    document = {"name": "anna", "title": "Anna", "instructions": "Be brief."}
    written = await http.post("/v1/personas", json=document)
    assert written.status_code == 201, written.text
    names = [await browser().connect(http, persona="anna") for _ in range(2)]
    assert await spread(http) == [1, 1]
    for name in names:
        assert (await http.delete(f"/api/offer/{name}")).status_code == 204


async def test_a_name_of_a_worker_that_there_is_no_more_is_an_unknown_name(
    http: httpx.AsyncClient,
) -> None:
    gone = await http.delete("/api/offer/63.of-an-earlier-start")
    assert (gone.status_code, gone.json()["error"]) == (404, "unknown_peer")


async def test_a_worker_that_writes_nonsense_is_killed() -> None:
    """Unread it would be there for nobody, and never be started again."""
    for written in ("b'x' * 100_000", "b'{}\\n'"):
        program = f"import sys, time; sys.stdout.buffer.write({written}); sys.stdout.flush()\n"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program + "time.sleep(600)", stdin=PIPE, stdout=PIPE
        )
        worker = Worker(0, Path("nowhere"), process, Admission(SessionLimit.fixed(1)))
        assert await asyncio.wait_for(worker.run(), WAIT) == -signal.SIGKILL


async def test_a_worker_that_does_not_get_ready_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_server.workers.pool._STARTING", 0.1)
    process = await asyncio.create_subprocess_exec("sleep", "600", stdin=PIPE, stdout=PIPE)
    worker = Worker(0, Path("nowhere"), process, Admission(SessionLimit.fixed(1)))
    assert await asyncio.wait_for(worker.run(), WAIT) == -signal.SIGKILL


async def test_a_worker_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_server.workers.pool._CHECK", 0.01)
    program = """import time; print('{"kind": "ready"}', flush=True); time.sleep(600)"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE
    )
    worker = Worker(0, Path("nowhere"), process, Admission(SessionLimit.fixed(1)))
    assert await asyncio.wait_for(worker.run(), WAIT) == -signal.SIGKILL


async def test_a_worker_that_stops_slowly_gets_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_server.workers.pool._CHECK", 0.01)
    monkeypatch.setattr("avatar_server.workers.pool._HANGS", 50)
    program = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), sys.exit(7)))
print('{"kind": "ready"}', flush=True)
time.sleep(600)
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE
    )
    worker = Worker(0, Path("nowhere"), process, Admission(SessionLimit.fixed(1)))
    running = asyncio.create_task(worker.run())
    await worker.ready.wait()
    await worker.stop()
    assert await running == 7


async def test_a_worker_that_cannot_be_started_again_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as while the machine has no memory or no file descriptors left."""
    monkeypatch.setattr("avatar_server.workers.pool._PAUSES", (0.01, 0.01))
    programs = ["", None, "time.sleep(600)"]

    async def start(number: int, path: Path, _: Settings, admission: Admission) -> Worker:
        program = programs.pop(0)
        if program is None:
            raise OSError(errno.EMFILE, "too many open files")
        ready = """import time; print('{"kind": "ready"}', flush=True); """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ready + program, stdin=PIPE, stdout=PIPE
        )
        return Worker(number, path, process, admission)

    monkeypatch.setattr(Worker, "start", start)
    async with Pool(Settings(), 1, Admission(SessionLimit.fixed(1))) as pool:
        await until(lambda: not programs and pool.all())


async def test_a_worker_that_does_not_answer_gets_no_requests_until_it_does(
    http: httpx.AsyncClient,
) -> None:
    """As the one with the fewest sessions it would get every new one."""
    worker = await process_of(http, 0)
    os.kill(worker, signal.SIGSTOP)
    try:
        await until(lambda: answers_soon(http))
        assert len(await spread(http)) == 1
        assert (await http.get("/api/config")).is_success
    finally:
        os.kill(worker, signal.SIGCONT)
    await until_answer(http, "/api/status", lambda status: len(status["workers"]) == 2)
    assert await process_of(http, 0) == worker


async def test_a_worker_that_dies_ends_its_own_sessions_only_and_comes_back(
    url: str, http: httpx.AsyncClient, browser: Callable[..., Browser]
) -> None:
    viewers = [browser(), browser()]
    names = [await viewer.connect(http) for viewer in viewers]
    ready = [await viewer.expect(Ready) for viewer in viewers]
    key = {"Authorization": "Bearer key"}
    lost, kept = (0, 1) if names[0].startswith("0.") else (1, 0)
    async with connect(url.replace("http", "ws") + "/v1/speech", additional_headers=key) as socket:
        start = {"type": "start", "session": ready[lost].session}
        await socket.send(json.dumps(start))
        await socket.recv()
        os.kill(await process_of(http, 0), signal.SIGKILL)
        await asyncio.wait_for(socket.wait_closed(), WAIT)
        assert (socket.close_code, "failed" in str(socket.close_reason)) == (1013, True)
    gone = await http.delete(f"/api/offer/{names[lost]}")
    assert (gone.status_code, gone.json()["error"]) == (503, "worker_failed")
    assert "connect again" in gone.json()["message"]
    viewers[kept].send(type="ping", id=7)
    assert (await viewers[kept].expect(Pong)).id == 7
    await until_answer(http, "/readyz", lambda ready: ready["sessions"] == 1)  # others are free
    await until_answer(http, "/api/status", lambda status: len(status["workers"]) == 2, 60)
    assert (await http.delete(f"/api/offer/{names[lost]}")).status_code == 404
    again = browser()
    names[lost] = await again.connect(http)
    assert names[lost].startswith("0."), "it is the least busy"
    await again.event()
    text = (await http.get("/metrics")).text
    samples = {
        (sample.name, sample.labels.get("worker")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["avatar_sessions", "0"] == samples["avatar_sessions", "1"] == 1
    assert samples["avatar_sessions_limit", None] == 4
    assert samples["avatar_worker_restarts_total", None] == 1
    for process in ("front", "0", "1"):
        assert ("avatar_tick_lateness_seconds_count", process) in samples
        assert samples["process_resident_memory_bytes", process] > 0
    for name in names:
        assert (await http.delete(f"/api/offer/{name}")).status_code == 204


async def test_a_drain_lets_the_sessions_of_all_workers_end_and_takes_no_more(
    url: str, browser: Callable[..., Browser]
) -> None:
    """The last one: nothing runs at ``url`` after it."""
    viewers = [browser(), browser()]
    key = {"Authorization": "Bearer key"}
    async with httpx.AsyncClient(base_url=url, headers=key, timeout=WAIT) as http:
        names = [await viewer.connect(http) for viewer in viewers]
        for viewer in viewers:
            await viewer.event()
        assert sorted(name[0] for name in names) == ["0", "1"]
        os.kill((await http.get("/api/status")).json()["process"], signal.SIGTERM)
        await until_answer(http, "/readyz", lambda ready: ready["status"] == "draining")
        body = {"sdp": await browser().offer(), "type": "offer"}
        refused = await http.post("/api/offer", json=body)
        assert (refused.status_code, refused.json()["error"]) == (503, "draining")
        for number, viewer in enumerate(viewers):
            viewer.send(type="ping", id=number)
            assert (await viewer.expect(Pong)).id == number
        for name in names:
            assert (await http.delete(f"/api/offer/{name}")).status_code == 204

        async def ended() -> bool:
            try:
                return not (await http.get("/healthz")).is_success
            except httpx.TransportError:
                return True

        await until(ended, WAIT / 2)  # before the time to drain is over


async def answers_soon(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/config", timeout=1)).is_success
    except httpx.ReadTimeout:
        return False


async def process_of(http: httpx.AsyncClient, worker: int) -> int:
    status = (await http.get("/api/status")).json()
    return int(status["workers"][worker]["process"])


def test_settings_reach_a_worker_with_their_secrets() -> None:
    settings = Settings.model_validate(
        {
            "token": "key",
            "library": Path("/x"),
            "ice_servers": [{"urls": "turn:x", "username": "u", "credential": "c"}],
            "udp_ports": {"first": 2000, "last": 2010},
        }
    )
    there = Settings(**json.loads(json.dumps(open_settings(settings))))
    assert there == settings
    assert there.token == SecretStr("key")
