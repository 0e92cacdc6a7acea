"""Pictures of avatars at rest, and what drawing them takes from others."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import cast

import pytest

from avatar_server.models import Models
from avatar_server.thumbnails import Thumbnails
from tests.fakes import flat_models

WAIT = 15.0


async def test_a_picture_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    models = flat_models()
    thumbnails = Thumbnails(models)
    first = await thumbnails.jpeg("flat")
    assert first[1].startswith(b"\xff\xd8")
    monkeypatch.setattr(models.renderer, "render", None)
    assert await thumbnails.jpeg("flat") == first


async def test_a_page_with_many_leaves_threads_for_others() -> None:
    drawn = threading.Event()

    def slowly(_: str) -> bytes:
        drawn.wait(WAIT)
        return b"jpeg"

    avatars = SimpleNamespace(stamp=lambda name: "1", thumbnail=slowly)
    thumbnails = Thumbnails(cast(Models, SimpleNamespace(avatars=avatars)))
    async with asyncio.timeout(WAIT):
        page = [asyncio.create_task(thumbnails.jpeg(str(number))) for number in range(64)]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(int) == 0
        drawn.set()
        assert await asyncio.gather(*page) == [("1", b"jpeg")] * 64
