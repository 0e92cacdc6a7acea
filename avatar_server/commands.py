"""Carries out what clients ask of a session, or refuses it with a reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from avatar_server.conversation.engines import EngineError
from avatar_server.conversation.personas import UnknownPersonaError
from avatar_server.conversation.speaker import SpeakerBusyError
from avatar_server.talk import RETRY_SECONDS, EnginesLoadingError
from avatar_server.voice import UtteranceExistsError
from renderer.contract import UnknownAvatarError, UnusableAvatarError
from streaming.protocol import (
    Chat,
    ClientEvent,
    Converse,
    ErrorEvent,
    Express,
    Interrupt,
    Microphone,
    Ping,
    Pong,
    Say,
    ServerEvent,
    Show,
)

if TYPE_CHECKING:
    from avatar_server.session import Session


class Commands:
    """The events that clients send, for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._wanted = session.avatar.name
        """Name of the avatar requested last."""
        self._showing = asyncio.Lock()

    async def do(self, event: ClientEvent) -> ServerEvent | None:
        """Do what a client asks; returns an answer for that client alone, if there is one."""
        match event:
            case Say():
                return self._say(event)
            case Interrupt():
                self._session.talk.stop("button")
                self._session.voice.interrupt()
            case Converse():
                return await self._converse(event)
            case Chat():
                return self._chat(event)
            case Microphone():
                self._session.voice.use_microphone(event.on)
            case Express():
                return self._express(event)
            case Show():
                return await self._show(event.avatar)
            case Ping():
                return Pong(id=event.id)
        return None

    def _say(self, event: Say) -> ErrorEvent | None:
        try:
            self._session.voice.say(event.text, self._session.spoken_voice, event.utterance)
        except UtteranceExistsError as error:
            return ErrorEvent(code="bad_message", message=str(error))
        except SpeakerBusyError as error:
            return ErrorEvent(code="busy", message=str(error))
        except UnknownPersonaError as error:
            return ErrorEvent(code="unknown_persona", message=str(error))
        return None

    async def _converse(self, event: Converse) -> ErrorEvent | None:
        session = self._session
        if not event.on:
            session.talk.end()
            return None
        try:
            persona = session.persona(event.persona)
            if event.persona is not None and not session.may_show(persona.avatar):
                return _forbidden(persona.avatar)
            session.converse(persona)
        except EnginesLoadingError as error:
            message = str(error)
            return ErrorEvent(code="no_conversation", message=message, retry_after=RETRY_SECONDS)
        except UnknownPersonaError as error:
            return ErrorEvent(code="unknown_persona", message=str(error))
        except EngineError as error:
            return ErrorEvent(code="no_conversation", message=str(error))
        if event.persona is None or persona.avatar in (None, session.avatar.name):
            return None
        return await self._show(persona.avatar)

    def _chat(self, event: Chat) -> ErrorEvent | None:
        if self._session.talk.conversation is None:
            return ErrorEvent(code="no_conversation", message="begin a conversation first")
        self._session.talk.chat(event.text)
        return None

    def _express(self, event: Express) -> ErrorEvent | None:
        given = event.model_dump(exclude={"type"}, exclude_none=True)
        if event.emotion is not None:
            given.setdefault("intensity", 1.0)
        try:
            self._session.controls = replace(self._session.controls, **given)
        except ValueError as error:
            return ErrorEvent(code="bad_message", message=str(error))
        return None

    async def _show(self, name: str) -> ErrorEvent | None:
        session = self._session
        if not session.may_show(name):
            return _forbidden(name)
        self._wanted = name
        # One at a time: whoever asks for many faces in a row must not keep others from connecting.
        async with self._showing:
            if self._wanted != name:
                return None  # meanwhile another one was asked for
            try:
                models, size = session.parts.animation.models, session.avatar.size
                avatar = await asyncio.to_thread(models.avatar, name, size)
            except UnknownAvatarError as error:
                return ErrorEvent(code="unknown_avatar", message=str(error))
            except UnusableAvatarError as error:
                return ErrorEvent(code="unusable_avatar", message=str(error))
        if self._wanted != name:
            return None
        if avatar.size != session.avatar.size:
            sizes = f"{avatar.size} pixels wide, this session {session.avatar.size}"
            return ErrorEvent(code="other_size", message=f"{avatar.name} is {sizes}")
        session.show(avatar)
        return None


def _forbidden(avatar: str | None) -> ErrorEvent:
    return ErrorEvent(code="forbidden", message=f"your token does not allow {avatar!r}")
