"""A session's conversation: begun and ended by its client, fed by its microphone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from avatar_server.conversation.asr import RecognitionError, SpeechRecogniser
from avatar_server.conversation.conversation import Conversation
from avatar_server.conversation.dialogue import Dialogue
from avatar_server.conversation.echo import EchoGuard
from avatar_server.conversation.endpointing import SpeechDetector
from avatar_server.conversation.engines import EngineError, EngineUnavailableError
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.personas import Personas
from avatar_server.conversation.progress import Progress
from avatar_server.conversation.turns import Reason
from avatar_server.conversation.vad import VoiceActivityDetector
from avatar_server.voice import Voice
from avatar_server.worker import WorkerThread
from motion.contract import SPEECH_RATE, Attention
from streaming.clock import SAMPLE_RATE
from streaming.protocol import ConversationState, ServerEvent
from streaming.resample import FloatArray, Resampler

log = logging.getLogger(__name__)

MUTE_SECONDS: Final = 0.5
"""Seconds without sound after which a microphone counts as switched off."""

CHUNK_SECONDS: Final = 2.0
"""Longest sound that may come in one burst; its duration passes before silence is assumed."""

RETRY_SECONDS: Final = 1.5
"""When to ask again for a conversation whose engines are still loading."""


class EnginesLoadingError(EngineUnavailableError):
    """The engines are still loading; try again after ``RETRY_SECONDS``."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of conversations; all sessions share them."""

    vad: VoiceActivityDetector[Any]
    recogniser: SpeechRecogniser
    dialogue: Dialogue


class Talking:
    """What conversations need: personas, and engines that load while the server starts."""

    def __init__(self, personas: Personas, load: Callable[[], Engines]) -> None:
        """``load`` runs on a thread."""
        self.personas = personas
        self._load = load
        self._engines: Engines | None = None
        self._settled = asyncio.Event()
        self._failure: EngineUnavailableError = EnginesLoadingError(
            "the engines of the conversation are still loading; try again in a few seconds"
        )

    async def prepare(self) -> None:
        """Load the engines; a failure is reported to whoever wants to talk."""
        # It may take minutes, for which a server that is told to stop must not wait.
        thread = WorkerThread("load-engines")
        try:
            engines = await thread.run(self._load)
            await engines.recogniser.warm_up()
        except (EngineError, RecognitionError) as error:
            log.warning("conversations are not possible: %s", error)
            self._failure = EngineUnavailableError(str(error))
        except Exception:  # engines come from other packages too
            log.exception("conversations are not possible")
            self._failure = EngineUnavailableError("an engine failed to load; see the server's log")
        else:
            self._engines = engines
        finally:
            thread.close()
        self._settled.set()

    async def settled(self) -> None:
        """Wait until the engines have loaded or failed to."""
        await self._settled.wait()

    async def aclose(self) -> None:
        """Free what the engines hold."""
        if self._engines is not None:
            await self._engines.recogniser.aclose()
            await self._engines.dialogue.aclose()

    @property
    def engines(self) -> Engines:
        """The engines; raises EngineUnavailableError before they have loaded."""
        if self._engines is None:
            raise self._failure
        return self._engines


class Talk:
    """At most one conversation at a time. Use from the session's event loop only."""

    def __init__(
        self,
        talking: Talking,
        voice: Voice,
        publish: Callable[[ServerEvent], None],
        attend: Callable[[Attention], None],
    ) -> None:
        """``attend`` gets where the avatar's attention is, whenever that changes."""
        self._talking = talking
        self._voice = voice
        self._publish = publish
        self._attend = attend
        self._conversation: Conversation | None = None
        self._changed = asyncio.Event()
        self._guard = EchoGuard()
        self._echo = self._guard.init_state()
        self._resampler: tuple[int, Resampler] | None = None
        self._played = Resampler(SAMPLE_RATE, SPEECH_RATE)
        self._silence: asyncio.TimerHandle | None = None
        self._sound_until = 0.0
        """When the received sound would end if played in real time, on the loop's clock."""

    @property
    def conversation(self) -> Conversation | None:
        """The conversation that runs."""
        return self._conversation

    @property
    def state(self) -> ConversationState | None:
        """Whose turn it is; None where there is no conversation."""
        return None if self._conversation is None else self._conversation.state

    def begin(
        self, persona: Persona, observe: Callable[[Progress], None] = lambda _: None
    ) -> Conversation:
        """Begin a conversation in place of one that runs; ``observe`` follows it.

        Raises :class:`~avatar_server.conversation.engines.EngineError` where an engine cannot
        work.
        """
        engines = self._talking.engines
        self.end()
        self._echo = self._guard.init_state()
        self._conversation = conversation = Conversation(
            persona,
            self._voice,
            SpeechDetector(engines.vad, persona.endpointing),
            engines.recogniser,
            engines.dialogue,
            self._publish,
            observe,
            self._attend,
        )
        self._changed.set()
        return conversation

    def reconfigure(self, persona: Persona) -> None:
        """Let the conversation go on as ``persona``."""
        if self._conversation is not None:
            detector = SpeechDetector(self._talking.engines.vad, persona.endpointing)
            self._conversation.reconfigure(persona, detector)

    def end(self) -> None:
        """End the conversation, if there is one."""
        if self._conversation is not None:
            self._conversation.stop("api")
            self._conversation = None
            self._attend("idle")
            self._publish(ConversationState(state="off"))
            self._changed.set()

    async def run(self) -> None:
        """Keep the present conversation going until cancelled."""
        task: asyncio.Task[None] | None = None
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    task = None
                if self._conversation is not None:
                    task = asyncio.create_task(self._conversation.run(), name="conversation")
        finally:
            if self._silence is not None:
                self._silence.cancel()
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def hear(self, pcm: FloatArray, rate: int) -> None:
        """The client's microphone, mono float32 [n] at ``rate`` Hz."""
        if self._conversation is None:
            return
        if self._resampler is None or self._resampler[0] != rate:
            self._resampler = (rate, Resampler(rate, SPEECH_RATE))
        sound = self._resampler[1].push(pcm)
        frames, self._echo = self._guard.hear(self._echo, sound)
        self._conversation.hear(frames)
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._silence is None:
            self._sound_until = now
        else:
            self._silence.cancel()
        self._sound_until = min(self._sound_until + len(pcm) / rate, now + CHUNK_SECONDS)
        self._silence = loop.call_at(max(self._sound_until, now) + MUTE_SECONDS, self._fall_silent)

    def _fall_silent(self) -> None:
        """A microphone that was switched off sends nothing: to the conversation it is silent."""
        self._silence = None
        if self._conversation is not None:
            self._conversation.hear(np.zeros(SPEECH_RATE, np.float32))

    def played(self, pcm: FloatArray) -> None:
        """Sound that leaves for the client, mono float32 [n] at 48 kHz, silence included."""
        if self._conversation is not None:
            self._echo = self._guard.play(self._echo, self._played.push(pcm))

    def chat(self, text: str) -> None:
        if self._conversation is not None:
            self._conversation.type(text)

    def stop(self, reason: Reason) -> None:
        """The client wants silence."""
        if self._conversation is not None:
            self._conversation.stop(reason)

    def on_event(self, event: ServerEvent) -> None:
        """What happens in the session."""
        if self._conversation is not None:
            self._conversation.on_event(event)
