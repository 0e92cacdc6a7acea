"""What breaks in one session: it ends with a reason, and the others never notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from avatar_server import app as application
from avatar_server.tokens import TokenMint
from streaming.protocol import ErrorEvent, Pong, Ready, Speaking
from tests import webrtc_browser
from tests.fakes import FlatAvatar, FlatRenderer, flat_models
from tests.until import until_gone
from tests.webrtc_browser import Browser, browser, running

__all__ = ["browser"]


class FaultyRenderer(FlatRenderer):
    """Once broken, it raises where red is to be drawn or, until it is let go, hangs."""

    def __init__(self, *, hangs: bool) -> None:
        super().__init__()
        self._hangs = hangs
        self.broken = False
        self.let_go = threading.Event()

    def render_views(self, views: Sequence[tuple[FlatAvatar, np.ndarray]]) -> list[np.ndarray]:
        if self.broken and any(avatar.name == "red" for avatar, _ in views):
            if not self._hangs:
                raise RuntimeError("red cannot be drawn")
            self.let_go.wait()
        return super().render_views(views)


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_renderer_that_fails_ends_only_the_session_that_it_drew(
    hangs: bool, browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = FaultyRenderer(hangs=hangs)
    models = flat_models()
    object.__setattr__(models, "renderer", renderer)
    monkeypatch.setattr(webrtc_browser, "flat_models", lambda: models)
    monkeypatch.setattr(application, "WATCHDOG_SECONDS", 0.5)
    monkeypatch.setattr(application, "STAND_IN_SECONDS", 0.1)
    try:
        async with running() as (_, http):
            good, bad = browser(), browser()
            await good.connect(http)
            assert isinstance(await good.event(), Ready)
            await bad.connect(http, avatar="red")
            assert isinstance(await bad.event(), Ready)
            renderer.broken = True
            assert await bad.event() == ErrorEvent(
                code="session_failed",
                message="a part of the session failed; connect again",
                fatal=True,
            )
            good.send(type="say", text="still here", utterance="u")
            assert await good.event() == Speaking(on=True, utterance="u")
            good.send(type="ping", id=3)
            while (event := await good.event()) != Pong(id=3):
                assert not isinstance(event, ErrorEvent)
            assert (await http.get("/api/status")).json()["sessions"] == 1
            await good.close()
            await until_gone(http)
            errors = (await http.get("/metrics")).text
            assert 'avatar_errors_total{code="session_failed"} 1.0' in errors
            assert "session_ended" not in errors, "that is no error"
    finally:
        renderer.let_go.set()


async def test_a_session_that_cannot_begin_takes_no_place(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = flat_models()
    monkeypatch.setattr(webrtc_browser, "flat_models", lambda: models)
    async with running(max_sessions=1) as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        with monkeypatch.context() as here:

            def full(_: object) -> int:
                raise MemoryError("the device is full")

            here.setattr(models.generator, "init_state", full)
            with pytest.raises(MemoryError):
                await http.post("/api/offer", json=body)
        assert (await http.get("/readyz")).json()["sessions"] == 0
        assert (await http.post("/api/offer", json=body)).status_code == 200


async def test_a_system_clock_that_jumps_changes_nothing(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as (_, http):
        viewer = browser()
        await viewer.connect(http)
        assert isinstance(await viewer.event(), Ready)
        first = await viewer.picture()
        for jump in (86_400.0, -86_400.0):
            now = time.time()
            monkeypatch.setattr("time.time", lambda at=now + jump: at)
            for _ in range(5):
                frame = await viewer.picture()
            assert first.pts is not None
            assert frame.pts is not None
            assert 0 < frame.pts - first.pts < 90_000 * 60, "media time goes on as before"
            monkeypatch.undo()
        assert (await http.get("/api/status")).json()["sessions"] == 1


async def test_a_token_that_a_clock_jump_voids_ends_no_session(
    browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    jump = 0.0
    monkeypatch.setattr(TokenMint.__init__, "__defaults__", (lambda: time.time() + jump,))
    async with running(token="key") as (_, http):
        asked = await http.post(
            "/v1/tokens", json={"seconds": 60}, headers={"Authorization": "Bearer key"}
        )
        http.headers["Authorization"] = f"Bearer {asked.json()['token']}"
        viewer = browser()
        await viewer.connect(http)
        assert isinstance(await viewer.event(), Ready)
        jump = 86_400.0
        refused = await http.get("/api/config")
        assert (refused.status_code, "expired" in refused.text) == (401, True)
        viewer.send(type="ping", id=1)
        await viewer.until(Pong, id=1)
        jump = 0.0
        assert (await http.get("/api/config")).status_code == 200
