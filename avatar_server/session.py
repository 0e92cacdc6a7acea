"""A session: one viewer's conversation with one avatar.

One clock, one avatar, one motion state, one epoch counter, one task group. Whatever ends the
session (the client leaves, a part fails, the server stops) ends everything that it started.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np

from avatar_server.animator import Animation, SessionAnimator
from avatar_server.commands import Commands
from avatar_server.conversation.conversation import Conversation
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.progress import Progress
from avatar_server.conversation.tts import TextToSpeech
from avatar_server.lifetime import Lifetime, LifetimePolicy
from avatar_server.link import Link
from avatar_server.talk import Talk, Talking
from avatar_server.voice import Voice
from motion.contract import Attention, Controls
from renderer.contract import Avatar, ImageArray
from streaming.broadcast import Broadcast
from streaming.clock import FPS, MediaClock
from streaming.figures import MediaFigures
from streaming.peer import IceServers, Peer
from streaming.protocol import (
    Caption,
    ClientEvent,
    ConversationState,
    ErrorEvent,
    PictureRate,
    Ping,
    Ready,
    ServerEvent,
    Speaking,
    Transcript,
)
from streaming.resample import FloatArray
from streaming.stages import StageTimes

log = logging.getLogger(__name__)

AUDIBLE: Final = 0.02
"""Peak level above which sound counts as activity."""


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What all sessions of a process share."""

    animation: Animation
    speech_engine: TextToSpeech
    executor: Executor
    """Threads that encode."""
    stages: StageTimes
    figures: MediaFigures
    voice: str
    video_bitrate: int
    connect_timeout: float
    talking: Talking
    lifetime: LifetimePolicy
    ice_servers: Callable[[], IceServers] = tuple
    """Asked for every peer: the credentials of TURN servers expire."""
    id_prefix: str = ""
    """Prefix of the ids of this process's sessions and connections."""

    def new_name(self) -> str:
        """A name that nobody can guess."""
        return self.id_prefix + secrets.token_urlsafe(12)


class Listener(Protocol):
    """A client that follows a session without a WebRTC peer; called on the event loop."""

    def on_event(self, event: ServerEvent) -> None:
        """Something happened in the session."""

    def on_session_end(self, reason: str) -> None:
        """The session is over."""


class SessionOverError(RuntimeError):
    """Nobody can join any more; the message says what to do."""


class Session:
    """Run :meth:`run` in a task; it returns when the session is over."""

    def __init__(
        self,
        parts: SessionParts,
        avatar: Avatar,
        persona: str | None = None,
        only_avatar: str | None = None,
    ) -> None:
        """``persona`` names the persona to talk to; ``only_avatar``, if given, is the only avatar
        that the client may see."""
        self.id = parts.new_name()
        self.avatar = avatar
        self.parts = parts
        self._persona = persona
        self._only_avatar = only_avatar
        self._links: dict[str, Link] = {}
        self._listeners: dict[Listener, None] = {}
        """An ordered set."""
        self._group: asyncio.TaskGroup | None = None
        self._resumable = False
        self._life = Lifetime(parts.lifetime, asyncio.get_running_loop().time)
        self._over = asyncio.Event()
        self._farewell = ErrorEvent(code="session_ended", message="", fatal=True)

        self._broadcast = Broadcast(
            parts.executor, parts.stages, parts.figures, parts.video_bitrate
        )
        controls = Controls(seed=secrets.randbits(32))
        self._animator = SessionAnimator(parts.animation, avatar, controls)
        self.voice = Voice(
            parts.speech_engine,
            self._animator,
            self,
            parts.animation.models.generator.lookahead,
            parts.animation.models.pacing,
            self._send,
            MediaClock(on_stall=parts.figures.note_stall),
        )
        self.talk = Talk(parts.talking, self.voice, self._send, self._attend)
        self._commands = Commands(self)

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until :meth:`end`, until its lifetime is over or until a part fails."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                parts = {
                    "playout": self.voice.play(),
                    "speaker": self.voice.speak(),
                    "animator": self._animator.run(),
                    "broadcast": self._broadcast.run(),
                    "talk": self.talk.run(),
                    "lifetime": self._life.run(self._send, self._expire),
                }
                tasks = [
                    group.create_task(work, name=f"{name} {self.id}")
                    for name, work in parts.items()
                ]
                await self._over.wait()
                for task in tasks:
                    task.cancel()
        except* Exception as failures:
            log.error("session %s failed", self.id, exc_info=failures)
            self.end("a part of the session failed; connect again", "session_failed")
        finally:
            reason = self._farewell.message
            for listener in tuple(self._listeners):
                listener.on_session_end(reason)
            await self._close_peers(reason)
            log.info("session %s ended: %s", self.id, reason)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the session's task group: the session ends only after it."""
        if self._group is None or self.over:
            work.close()
        else:
            self._group.create_task(work)

    def end(self, reason: str, code: str = "session_ended") -> None:
        """End the session; its peers are told why."""
        if not self.over:
            self._farewell = ErrorEvent(code=code, message=reason, fatal=True)
            self._over.set()

    @property
    def over(self) -> bool:
        """Whether it has ended, though its peers may still be closing."""
        return self._over.is_set()

    def _expire(self, reason: str) -> None:
        self.end(reason, "session_expired")

    async def _close_peers(self, reason: str) -> None:
        self._send(self._farewell)
        closing = [link.peer.close(reason) for link in self._links.values()]
        if closing:
            await asyncio.wait(closing)

    # --- peers ----------------------------------------------------------------------------------

    async def attach(self, name: str, offer: str, *, watches_only: bool = False) -> str:
        """Answer the offer of a peer; one that is attached under ``name`` is replaced.

        Raises :class:`SessionOverError` and what :meth:`Peer.answer` raises, after which nothing
        is left of the peer.
        """
        link = Link(self, name, watches_only, self._broadcast.join())
        servers = self.parts.ice_servers()
        link.peer = Peer(link.viewer, link, servers, self.parts.connect_timeout)
        try:
            answer = await link.peer.answer(offer)
        except BaseException:
            self._broadcast.leave(link.viewer)
            raise
        if self.over:  # since the offer came; its peers have been told, and this one was not yet
            self._broadcast.leave(link.viewer)
            await link.peer.close("the session is over")
            raise SessionOverError("the session has ended; connect again")
        former = self._links.get(name)
        self._links[name] = link
        self._life.join()
        if former is not None:
            self._broadcast.leave(former.viewer)
            former.peer.close("replaced by a new connection")
        return answer

    def note_peer(self, peer: Peer, state: str) -> None:
        """The connection of ``peer`` came to ``state``."""
        path = peer.path if state == "connected" else None
        log.info("peer is %s%s", state, f" ({path[0]} to {path[1]})" if path else "")

    def note_error(self, code: str) -> None:
        """A client was sent an error outside the session's events; a hook for metrics."""

    def peer(self, name: str) -> Peer | None:
        link = self._links.get(name)
        return link.peer if link else None

    def detach(self, name: str, reason: str) -> None:
        """A peer's connection is gone. Without its last peer the session ends: after a time to
        reconnect if a client was ever connected, else at once."""
        link = self._links.get(name)
        if link is None or not link.peer.closed:
            return
        del self._links[name]
        self._broadcast.leave(link.viewer)
        if self._alone:
            self._life.leave(reason)
            if not self._resumable:
                self.end(reason)

    async def leave(self, name: str, reason: str) -> None:
        """The client of a peer leaves for good: the session ends if it was the last."""
        if (link := self._links.get(name)) is not None:
            await link.peer.close(reason)
        if self._alone:
            self.end(reason)

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` every event from now on; it keeps the session alive as a peer does."""
        self._listeners[listener] = None
        self._life.join()

    def unlisten(self, listener: Listener, reason: str) -> None:
        """``listener`` has gone; the session ends if it was the last client."""
        if self._listeners.pop(listener, self) is None and self._alone:
            self.end(reason)

    @property
    def _alone(self) -> bool:
        return not self._links and not self._listeners

    def present(self) -> list[ServerEvent]:
        """The events that tell a peer that joins now about the session's state."""
        state = self.talk.state
        if state is None and self._resumable:
            # A client that reconnects must learn that the conversation is over.
            state = ConversationState(state="off")
        self._resumable = True
        fps = self.parts.animation.rate.fps
        slowed = None if fps == FPS else PictureRate(fps=fps)
        return [self.ready(), *(event for event in (slowed, state) if event)]

    def ready(self) -> Ready:
        return Ready(session=self.id, avatar=self.avatar.name, fps=FPS, size=self.avatar.size)

    def hear(self, pcm: FloatArray, rate: int) -> None:
        """Sound of the client's microphone, mono float32 [n] at ``rate`` Hz."""
        if self.talk.conversation is not None:
            self.talk.hear(pcm, rate)
        elif self.voice.microphone:
            self.voice.hear(pcm, rate)
            self.note_sound(pcm)

    def note_sound(self, pcm: FloatArray) -> None:
        """A client sent sound for the avatar to speak, or it is heard: mono float32 [n]."""
        if np.abs(pcm).max(initial=0.0) > AUDIBLE:
            self._life.act()

    def publish_audio(self, pts: int, pcm: FloatArray) -> None:
        """Sound of the avatar that is due now; see :class:`streaming.playout.Output`."""
        self._broadcast.publish_audio(pts, pcm)
        self.talk.played(pcm)
        self.note_sound(pcm)

    def publish_video(self, pts: int, image: ImageArray) -> None:
        """Picture of the avatar that is due now."""
        self._broadcast.publish_video(pts, image)

    def tell(self, event: ServerEvent) -> None:
        """Send an event to all clients of the session."""
        self._send(event)

    def _send(self, event: ServerEvent) -> None:
        if isinstance(event, Speaking | Caption | Transcript):
            self._life.act()
        for link in self._links.values():
            link.tell(event)
        for listener in tuple(self._listeners):
            listener.on_event(event)
        self.talk.on_event(event)

    # --- what clients want ----------------------------------------------------------------------

    async def handle(self, event: ClientEvent) -> ServerEvent | None:
        """Do what a client asks; returns an answer for that client alone, if there is one."""
        if not isinstance(event, Ping):
            self._life.act()
        return await self._commands.do(event)

    @property
    def controls(self) -> Controls:
        """How the avatar moves."""
        return self._animator.controls

    @controls.setter
    def controls(self, controls: Controls) -> None:
        self._animator.controls = controls

    def _attend(self, attention: Attention) -> None:
        self.controls = replace(self.controls, attention=attention)
        self.voice.refresh()

    def persona(self, name: str | None = None) -> Persona:
        """The persona ``name``, else the one named when the session was opened, else the avatar's.

        Raises :class:`~avatar_server.conversation.personas.UnknownPersonaError`.
        """
        return self.parts.talking.personas.get(name or self._persona, self.avatar.name)

    @property
    def spoken_voice(self) -> str:
        """The voice for ``say``: the running conversation's, else the named persona's, else the
        server's.

        Raises as :meth:`persona` does.
        """
        if self.talk.conversation is not None:
            return self.talk.conversation.voice
        return self.parts.voice if self._persona is None else self.persona().voice

    def may_show(self, avatar: str | None) -> bool:
        """Whether the client may see this avatar; None stands for the present one."""
        return self._only_avatar is None or avatar in (None, self._only_avatar)

    def show(self, avatar: Avatar) -> None:
        """Switch to another avatar of the same size and tell the clients."""
        self.avatar = avatar
        self._animator.show(avatar)
        self._send(self.ready())

    def converse(
        self, persona: Persona, observe: Callable[[Progress], None] = lambda _: None
    ) -> Conversation:
        """Begin a conversation as :meth:`Talk.begin` does, with its emotion in the face."""
        conversation = self.talk.begin(persona, observe)
        self.voice.use_microphone(False)
        self.controls = replace(self.controls, emotion=persona.emotion, intensity=persona.intensity)
        return conversation
