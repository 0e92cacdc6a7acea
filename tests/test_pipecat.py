"""A Pipecat pipeline with the avatar in it, against a live server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

import httpx
import numpy as np
import pytest

pytest.importorskip("pipecat", reason="pipecat-ai is not installed (pip install .[pipecat])")

from avatar_server_pipecat import AvatarVideoService
from avatar_server_pipecat.connection import AvatarConnection
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    OutputImageRawFrame,
    SpeechOutputAudioRawFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from tests.live import live_server
from tests.until import until, until_gone

WAIT = 20.0
RATE = 16_000


class Sink(FrameProcessor):
    """Keeps what would go to the transport."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[OutputImageRawFrame] = []
        self.levels: list[float] = []
        self.others: list[Frame] = []
        self.changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        match frame:
            case OutputImageRawFrame():
                self.pictures.append(frame)
            case SpeechOutputAudioRawFrame():
                self.levels.append(float(np.abs(np.frombuffer(frame.audio, "<i2")).max()))
            case _:
                self.others.append(frame)
        self.changed.set()
        await self.push_frame(frame, direction)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT):
            while not true():
                self.changed.clear()
                await self.changed.wait()


class Bot:
    def __init__(self, worker: PipelineWorker, sink: Sink, errors: list[ErrorFrame]) -> None:
        self.sink = sink
        self.errors = errors
        self.queue: Callable[[Frame], Awaitable[None]] = worker.queue_frame

    async def say(self, seconds: float) -> None:
        """What a TTS service pushes, as fast as it can."""
        tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(int(seconds * RATE)) / RATE)
        sound = (tone * 32_767).astype("<i2").tobytes()
        await self.queue(TTSStartedFrame())
        for at in range(0, len(sound), 3_200):
            await self.queue(TTSAudioRawFrame(sound[at : at + 3_200], RATE, 1))
        await self.queue(TTSStoppedFrame())

    @property
    def loud(self) -> bool:
        return self.sink.levels[-1:] > [3_000.0]


@asynccontextmanager
async def running(url: str, size: int | None = None) -> AsyncGenerator[Bot]:
    sink = Sink()
    errors: list[ErrorFrame] = []
    pipeline = Pipeline([AvatarVideoService(url=url, size=size), sink])
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_out_sample_rate=RATE),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
    )
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")  # type: ignore[untyped-decorator]
    async def _started(*_: object) -> None:
        started.set()

    @worker.event_handler("on_pipeline_error")  # type: ignore[untyped-decorator]
    async def _error(_: object, frame: ErrorFrame) -> None:
        errors.append(frame)

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    async with asyncio.timeout(WAIT):
        await started.wait()
    try:
        yield Bot(worker, sink, errors)
    finally:
        await worker.queue_frame(EndFrame())
        async with asyncio.timeout(WAIT):
            await run


async def test_speech_becomes_a_picture_and_its_own_sound() -> None:
    with live_server() as url:
        async with running(url) as bot:
            await bot.sink.until(lambda: bot.sink.pictures)
            picture = bot.sink.pictures[0]
            assert (picture.size, picture.format) == ((64, 64), "RGB")
            assert len(picture.image) == 64 * 64 * 3
            assert picture.sync_with_audio
            await bot.say(1.0)
            await bot.sink.until(lambda: bot.loud)
            await bot.sink.until(lambda: not bot.loud)
        loud = sum(level > 3_000 for level in bot.sink.levels) * 0.02
        assert loud == pytest.approx(1.0, abs=0.2)
        assert not any(isinstance(frame, TTSAudioRawFrame) for frame in bot.sink.others)
        assert any(isinstance(frame, TTSStoppedFrame) for frame in bot.sink.others)
        assert not bot.errors


async def test_an_interruption_silences_the_avatar_and_the_next_words_are_heard() -> None:
    with live_server() as url:
        async with running(url) as bot:
            await bot.say(50.0)  # more than the server takes ahead
            await bot.sink.until(lambda: bot.loud)
            await bot.queue(InterruptionFrame())
            async with asyncio.timeout(2.0):
                await bot.sink.until(lambda: not bot.loud)
            quiet = len(bot.sink.levels)
            await bot.sink.until(lambda: len(bot.sink.levels) > quiet + 25)
            assert max(bot.sink.levels[quiet:]) < 3_000, "nothing of it is left"
            await bot.say(0.5)
            await bot.sink.until(lambda: bot.loud)
        assert any(isinstance(frame, InterruptionFrame) for frame in bot.sink.others)


async def test_the_last_words_are_heard_before_the_pipeline_ends() -> None:
    with live_server() as url:
        async with running(url) as bot:
            await bot.say(1.5)
        assert sum(level > 3_000 for level in bot.sink.levels) * 0.02 > 1.2


async def test_a_server_that_is_not_there_is_told() -> None:
    with live_server() as url:
        pass
    async with running(url) as bot:
        await until(lambda: bot.errors)
    assert "no session" in bot.errors[0].error


async def test_a_token_that_is_missing_is_told() -> None:
    with live_server(token="a-good-long-key") as url:
        async with running(url) as bot:
            await until(lambda: bot.errors)
    assert "no session" in bot.errors[0].error


async def test_a_bot_whose_avatar_is_gone_is_told_and_ends_without_it() -> None:
    with ExitStack() as server:
        url = server.enter_context(live_server())
        async with running(url) as bot:
            await bot.sink.until(lambda: bot.sink.pictures)
            await asyncio.to_thread(server.close)
            await until(lambda: bot.errors)
            await bot.say(0.5)
        assert "the avatar is gone" in bot.errors[0].error
        assert len(bot.errors) == 1, "nobody waits for its last words"


async def test_a_pipeline_that_is_cancelled_while_it_connects_leaves_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching = asyncio.Event()

    async def watch(_: AvatarConnection) -> None:
        watching.set()
        await asyncio.Event().wait()

    async def ignore(_: object) -> None:
        return

    monkeypatch.setattr(AvatarConnection, "_watch", watch)
    with live_server() as url:
        connection = AvatarConnection(
            url, RATE, token=None, avatar=None, size=None,
            on_sound=ignore, on_picture=ignore, on_lost=ignore,
        )  # fmt: skip
        opening = asyncio.create_task(connection.open())
        async with asyncio.timeout(WAIT), httpx.AsyncClient(base_url=url) as http:
            await watching.wait()
            assert (await http.get("/api/status")).json()["sessions"] == 1
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            assert opening.cancelled()
            await until_gone(http)


async def test_a_size_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with live_server() as url:
        async with running(url, size=300) as bot:
            await until(lambda: bot.errors)
    assert "256" in bot.errors[0].error
