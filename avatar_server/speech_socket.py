"""``/v1/speech``: a voice assistant speaks with its own sound through an avatar.

The caller sends mono s16le PCM as binary messages, in pieces of any length and as fast as it
likes, between ``speak`` and ``speak_end``; text works as well (``say``). The events say when each
utterance was really played. The picture of the same session goes to browsers by WHEP, with the
session's id from the ``ready`` event.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

import numpy as np
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_server.event_socket import (
    BAD_DATA,
    GOING_AWAY,
    INTERNAL_ERROR,
    POLICY,
    TRY_AGAIN,
    EventSocket,
    close,
)
from avatar_server.http import ApiError
from avatar_server.reception import Reception
from avatar_server.session import Session
from avatar_server.voice import UtteranceExistsError
from streaming.protocol import (
    ErrorEvent,
    Interrupt,
    PlaybackFinished,
    PlaybackStarted,
    ProtocolError,
    Say,
    ServerEvent,
    SocketEvent,
    Speak,
    SpeakEnd,
    Speaking,
    Start,
    read_socket_event,
)
from streaming.resample import to_float
from streaming.speech_source import SpeechSource

log = logging.getLogger(__name__)

START_TIMEOUT: Final = 10.0
"""Seconds until the first message must have come."""

NO_TEXT: Final = "the first message must be a start event, sent as text"

SLICE_SECONDS: Final = 1
"""Sound that is processed at a time, so that bulk messages do not block other sessions."""

MAX_WAITING: Final = 8_000_000
"""Bytes of messages queued for room in the speech buffer; beyond that the socket is not read, so
that the caller's own buffer fills up."""


class SpeechSocket:
    """The route, and what its sockets share."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def routes(self) -> list[WebSocketRoute]:
        """Routes below ``/v1``."""
        return [WebSocketRoute("/speech", self.connect)]

    async def connect(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            async with asyncio.timeout(START_TIMEOUT):
                start = read_socket_event(await socket.receive_text())
            if not isinstance(start, Start):
                raise ProtocolError("the first message must be a start event")
            session = await self._open(start)
        except TimeoutError:
            await close(socket, POLICY, f"no start event within {START_TIMEOUT:g} s")
        except KeyError:
            await close(socket, BAD_DATA, NO_TEXT)
        except ProtocolError as error:
            await close(socket, BAD_DATA, str(error))
        except ApiError as error:
            await close(socket, TRY_AGAIN if error.status == 503 else POLICY, str(error))
        except WebSocketDisconnect:
            log.debug("the caller left before it started")
        else:
            await _Call(socket, session, start.rate).run()

    async def _open(self, start: Start) -> Session:
        if start.session is None:
            return await self._reception.open(start.avatar, size=start.size, waits=False)
        return self._reception.find(start.session)


class _Call:
    """One caller on one socket; a :class:`avatar_server.session.Listener`."""

    def __init__(self, socket: WebSocket, session: Session, rate: int) -> None:
        self._socket = EventSocket(socket)
        self._session = session
        self._rate = rate
        self._source: SpeechSource | None = None
        self._odd = b""
        """The first byte of a sample that a message cut in two."""
        self._waiting: deque[tuple[SocketEvent | bytes, int]] = deque()
        """Messages and their sizes."""
        self._waiting_size = 0
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        self._session.listen(self)
        self._put(self._session.ready())
        working = asyncio.create_task(self._work(), name="speech-work")
        working.add_done_callback(self._worked)
        try:
            await self._socket.run(self._receive)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            try:
                while self._waiting:  # a session with other clients still plays what was received
                    await self._do_next()
            finally:
                if self._source is not None:
                    self._source.end()
                self._session.unlisten(self, "the caller left")

    # --- from the caller ------------------------------------------------------------------------

    async def _receive(self, message: str | bytes) -> None:
        try:
            item = message if isinstance(message, bytes) else read_socket_event(message)
        except ProtocolError as error:
            self._refuse(error)
            return
        if isinstance(item, Interrupt):
            self._forget_waiting()
            await self._handle(item)
        elif isinstance(item, bytes):
            step = 2 * self._rate * SLICE_SECONDS
            for at in range(0, len(item), step):
                await self._queue(item[at : at + step], min(step, len(item) - at))
        else:
            await self._queue(item, len(message))

    async def _queue(self, item: SocketEvent | bytes, size: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting_size < MAX_WAITING)
            self._waiting.append((item, size))
            self._waiting_size += size
            self._changed.notify_all()

    async def _work(self) -> None:
        """Process received messages in order, as there is room for their sound."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting)
            if isinstance(self._waiting[0][0], bytes):
                await self._session.voice.room(self._source)
            await self._do_next()

    def _worked(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a call failed", exc_info=error)
            self._socket.end(INTERNAL_ERROR, "the server failed; see its log")

    async def _do_next(self) -> None:
        if not self._waiting:
            return  # an interrupt came in between
        item, size = self._waiting.popleft()
        self._waiting_size -= size
        if isinstance(item, bytes):
            self._push(item)
        else:
            await self._handle(item)
        async with self._changed:
            self._changed.notify_all()
        await asyncio.sleep(0)

    def _forget_waiting(self) -> None:
        """Drop what came before an interrupt, and report its utterances as interrupted."""
        dropped = list(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        for item, _ in dropped:
            if isinstance(item, Speak | Say) and item.utterance is not None:
                gone = PlaybackFinished(utterance=item.utterance, position_ms=0, interrupted=True)
                self._put(gone)
            if isinstance(item, SpeakEnd):
                self._finish()
            elif isinstance(item, Speak | bytes) and self._source is None:
                self._source = SpeechSource("", ended=True)  # its rest goes nowhere

    async def _handle(self, event: SocketEvent) -> None:
        try:
            match event:
                case Start():
                    raise ProtocolError("the session has started already")
                case Speak():
                    begun = self._session.voice.begin(event.utterance)  # one that exists goes on
                    self._finish()
                    self._source = begun
                case SpeakEnd():
                    self._finish()
                case _:
                    answer = await self._session.handle(event)
                    if answer is not None:
                        self._put(answer)
        except (ProtocolError, UtteranceExistsError) as error:
            self._refuse(error)

    def _push(self, piece: bytes) -> None:
        if self._source is None:
            self._source = self._session.voice.begin()
        # The rest of an interrupted utterance still arrives; its source discards it.
        piece = self._odd + piece
        whole = len(piece) // 2 * 2
        self._odd = piece[whole:]
        pcm = to_float(np.frombuffer(piece[:whole], "<i2"))
        self._source.push(pcm, self._rate)
        self._session.voice.arrived()
        self._session.note_sound(pcm)

    def _finish(self) -> None:
        self._odd = b""
        if self._source is not None:
            self._source.end()
            self._session.voice.arrived()
            self._source = None

    # --- to the caller --------------------------------------------------------------------------

    def on_event(self, event: ServerEvent) -> None:
        if not isinstance(event, Speaking):
            self._put(event)
        elif event.utterance is None:
            return
        elif event.on:
            self._put(PlaybackStarted(utterance=event.utterance))
        else:
            finished = PlaybackFinished(
                utterance=event.utterance,
                position_ms=event.position_ms,
                interrupted=event.reason == "interrupted",
            )
            self._put(finished)

    def on_session_end(self, reason: str) -> None:
        self._socket.end(GOING_AWAY, reason)

    def _refuse(self, error: ValueError) -> None:
        self._session.note_error("bad_message")
        self._put(ErrorEvent(code="bad_message", message=str(error)))

    def _put(self, event: ServerEvent | PlaybackStarted | PlaybackFinished) -> None:
        self._socket.send(event.model_dump_json())
