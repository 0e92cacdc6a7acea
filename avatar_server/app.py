"""The ASGI application: makes all parts of a server and gives each its routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Mount

from avatar_server import openapi, page
from avatar_server.access import Tokens, guards
from avatar_server.admission import Admission
from avatar_server.animator import Animation
from avatar_server.api import Api
from avatar_server.bench import Bench
from avatar_server.bot_start import BotStart
from avatar_server.conversation.tts import TextToSpeech
from avatar_server.cores import usable_cores
from avatar_server.health import Health
from avatar_server.http import EXCEPTION_HANDLERS
from avatar_server.ice import for_aiortc, ice_servers
from avatar_server.lifetime import LifetimePolicy
from avatar_server.making import Maker, face_detector
from avatar_server.metrics import Metrics
from avatar_server.models import Models
from avatar_server.own_avatars import OwnAvatars
from avatar_server.persona_api import PersonaApi
from avatar_server.queue import Queue
from avatar_server.realtime.socket import RealtimeSocket
from avatar_server.reception import Reception
from avatar_server.scheduler import STAND_IN_SECONDS, WATCHDOG_SECONDS, Scheduler
from avatar_server.session import SessionParts
from avatar_server.session_limit import SessionLimit
from avatar_server.sessions import Sessions
from avatar_server.settings import Settings
from avatar_server.signalling import Signalling
from avatar_server.speech_socket import SpeechSocket
from avatar_server.strain import Strain
from avatar_server.talk import Talking
from avatar_server.video_rate import VideoRate
from avatar_server.waiting import WaitingLine
from avatar_server.whep import Whep
from renderer.library import Library
from streaming.figures import MediaFigures
from streaming.protocol import PictureRate
from streaming.stages import StageTimes

_PATIENCE: Final = 600.0
"""Watchdog seconds for models that are not expected to keep real time."""


def create_app(
    settings: Settings,
    models: Models,
    speech_engine: TextToSpeech,
    talking: Talking,
    admission: Admission | None = None,
    id_prefix: str = "",
) -> Starlette:
    """The application; its lifespan owns the worker threads and all sessions.

    ``admission`` grants places for sessions; by default as many as the settings allow. In a
    worker process, ids of sessions and connections begin with ``id_prefix``, by which the front
    process routes requests to it.
    """
    models.avatar(settings.avatar)
    metrics = Metrics()
    stages = StageTimes(observe=metrics.observe_stage)
    parts = _session_parts(settings, models, speech_engine, talking, stages, id_prefix)
    scheduler, rate = parts.animation.scheduler, parts.animation.rate
    admission = admission or unmeasured_admission(settings)
    sessions = Sessions(parts, admission, metrics)
    metrics.watch_admission(admission)
    metrics.watch_media(parts.figures, scheduler, rate)
    rate.on_change = lambda fps: sessions.tell(PictureRate(fps=fps))
    api = Api(settings, models, sessions, admission, stages)
    bench = Bench()
    maker = Maker(Library(settings.library), face_detector(settings), settings.max_avatars)
    own_avatars = OwnAvatars(maker, bench, models, speech_engine, settings.voice)
    reception = Reception(sessions, models, settings.avatar)
    signalling = Signalling(reception)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        strain = Strain(rate, parts.figures)
        background = [
            asyncio.create_task(metrics.process.watch(), name="watch-loop"),
            asyncio.create_task(talking.prepare(), name="load-engines"),
            asyncio.create_task(rate.watch(scheduler), name="video-rate"),
            asyncio.create_task(strain.watch(admission.second), name="strain"),
        ]
        try:
            async with scheduler:
                yield
                await sessions.close("the server is stopping")
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await talking.aclose()
            bench.close()
            parts.executor.shutdown(wait=True, cancel_futures=True)

    async def drain() -> None:
        admission.drain()
        await sessions.wait_ended(settings.drain_seconds)

    app = Starlette(
        routes=[
            *Health(admission, metrics.exposition).routes(),
            *openapi.routes(),
            *BotStart(settings, signalling).routes(),
            Mount("/api", routes=[*signalling.routes(), *Queue(admission).routes(), *api.routes()]),
            Mount(
                "/v1",
                routes=[
                    *Whep(reception).routes(),
                    *SpeechSocket(reception).routes(),
                    *RealtimeSocket(reception, talking, speech_engine).routes(),
                    *Tokens(settings.key, models).routes(),
                    *own_avatars.routes(),
                    *PersonaApi(talking.personas, settings.avatar).routes(),
                    *api.control(),
                ],
            ),
            *page.routes(),
        ],
        middleware=guards(settings),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    app.state.drain = drain
    return app


def _session_parts(
    settings: Settings,
    models: Models,
    speech_engine: TextToSpeech,
    talking: Talking,
    stages: StageTimes,
    id_prefix: str,
) -> SessionParts:
    """What all sessions share, with the threads that animate and encode."""
    scheduler = Scheduler(
        threads=models.threads(settings.threads),
        watchdog_seconds=WATCHDOG_SECONDS if models.real_time else _PATIENCE,
        stand_in_seconds=None if models.one_device or not models.real_time else STAND_IN_SECONDS,
    )
    return SessionParts(
        animation=Animation(models, scheduler, VideoRate(), stages),
        speech_engine=speech_engine,
        executor=ThreadPoolExecutor(settings.threads, thread_name_prefix="encode"),
        stages=stages,
        figures=MediaFigures(),
        voice=settings.voice,
        video_bitrate=settings.video_bitrate,
        connect_timeout=settings.connect_timeout,
        talking=talking,
        lifetime=lifetime_policy(settings),
        ice_servers=lambda: for_aiortc(ice_servers(settings)),
        id_prefix=id_prefix,
    )


def unmeasured_admission(settings: Settings) -> Admission:
    """Admission by the settings alone, where nobody has measured what the machine carries."""
    limit = SessionLimit.fixed(settings.max_sessions or 4 * usable_cores())
    line = WaitingLine(settings.max_queue)
    return Admission(limit, settings.max_sessions_per_client, line)


def lifetime_policy(settings: Settings) -> LifetimePolicy:
    minutes = settings.max_session_minutes
    return LifetimePolicy(
        idle=60 * settings.idle_minutes or None,
        maximum=None if minutes is None else 60 * minutes,
        alone=settings.resume_seconds,
        warning=settings.warning_seconds,
    )
