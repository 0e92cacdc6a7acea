"""A server with the stand-in models on a real socket, in a thread of the test process."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from avatar_server.app import create_app
from avatar_server.conversation.tts import TextToSpeech
from avatar_server.serve import address, listen
from avatar_server.settings import Settings
from avatar_server.talk import Talking
from tests.fakes import ToneSpeech, flat_models, scripted_talking


@contextmanager
def live_server(
    talking: Talking | None = None, speech: TextToSpeech | None = None, **flags: object
) -> Generator[str]:
    """Yields the server's URL; ``talking`` is by default a conversation that hears no words,
    ``speech`` a voice of tones."""
    settings = Settings(avatar="flat", **flags)  # type: ignore[arg-type]
    app = create_app(settings, flat_models(), speech or ToneSpeech(), talking or scripted_talking())
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(20)
