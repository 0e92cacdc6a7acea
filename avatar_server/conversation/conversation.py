"""A conversation: the engines joined by the turn-taking of :mod:`turns`.

Sound goes in (:meth:`Conversation.hear`), the session's events go in (:meth:`on_event`), and the
avatar's voice is told what to say, when to hold and when to stop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from avatar_server.conversation.asr import Recognition, RecognitionError, SpeechRecogniser
from avatar_server.conversation.dialogue import Dialogue, DialogueError, Turn
from avatar_server.conversation.endpointing import SpeechDetector
from avatar_server.conversation.markup import plain
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.sentences import speakable
from avatar_server.conversation.speaker import SpeakerBusyError, Utterance
from avatar_server.conversation.turns import Action, Reason, TurnTaker
from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from streaming.protocol import (
    Caption,
    ConversationState,
    ErrorEvent,
    ServerEvent,
    Speaking,
    Transcript,
)

log = logging.getLogger(__name__)

PREROLL_SECONDS: Final = 0.5
"""Sound before the detected start of speech that the recogniser gets as well."""

MAX_TURNS: Final = 100
"""Turns that are remembered."""


class ConversationVoice(Protocol):
    """The avatar's voice, as a conversation uses it; see :class:`avatar_server.voice.Voice`."""

    def open(self, voice: str, name: str | None = None) -> Utterance: ...

    def hold(self) -> None: ...

    def resume(self) -> None: ...

    def interrupt(self) -> None: ...


@dataclass(eq=False, slots=True)
class _Answer:
    """One turn of the avatar, from the first thought to the last sound."""

    user: str | None
    """What it answers; None for a greeting."""
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    utterance: Utterance | None = None
    heard: str = ""
    task: asyncio.Task[None] | None = None


class Conversation:
    """Use from one event loop only; run :meth:`run` in the session's task group."""

    def __init__(
        self,
        persona: Persona,
        voice: ConversationVoice,
        detector: SpeechDetector[Any],
        recogniser: SpeechRecogniser,
        dialogue: Dialogue,
        publish: Callable[[ServerEvent], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._persona = persona
        self._voice = voice
        self._detector = detector
        self._detection = detector.init_state()
        self._recogniser = recogniser
        self._dialogue = dialogue
        self._publish = publish
        self._now = now
        self._taker = TurnTaker(persona.turns)
        self._turns: deque[Turn] = deque(maxlen=MAX_TURNS)
        self._answer: _Answer | None = None
        self._recognition: Recognition | None = None
        self._settling: asyncio.Task[None] | None = None
        self._preroll: deque[FloatArray] = deque()
        self._samples = 0
        self._published = ""
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What has been said, the avatar's turns as far as they were heard."""
        return tuple(self._turns)

    async def run(self) -> None:
        """Greet, then keep the time of turns until cancelled."""
        try:
            # Whoever has said something already is answered instead.
            if self._persona.greeting and self._answer is None:
                self._greet(self._persona.greeting)
            self._show_state()
            while True:
                self._changed.clear()
                deadline = self._taker.deadline
                wait = None if deadline is None else max(0.0, deadline - self._now())
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    self._do(self._taker.tick(self._now()))
        finally:
            if self._recognition is not None:
                self._recognition.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- the user -------------------------------------------------------------------------------

    def hear(self, speech: FloatArray) -> None:
        """The user's microphone: ``speech [n]`` at 16 kHz, in real time."""
        self._samples += len(speech)
        if self._recognition is not None and self._detection.endpoint.speaking:
            self._recognition.feed(speech)
        else:
            self._remember(speech)
        events, self._detection = self._detector.step(self._detection, speech)
        for event in events:
            at = self._now() - (self._samples - event.sample) / SPEECH_RATE
            if event.kind == "started":
                self._stop_settling()
                self._do(self._taker.speech_started(at))
                self._feed_remembered()
            else:
                self._do(self._taker.speech_ended(at))

    def type(self, text: str) -> None:
        """The user wrote ``text``."""
        self._stop_settling()
        self._do(self._taker.typed(text))

    def stop(self, reason: Reason) -> None:
        """The user wants silence."""
        self._stop_settling()
        self._do(self._taker.stop(reason))

    # --- the avatar -----------------------------------------------------------------------------

    def on_event(self, event: ServerEvent) -> None:
        """What happens in the session; only the present answer's events matter here."""
        answer = self._answer
        if answer is None or answer.utterance is None:
            return
        name = answer.utterance.name
        if isinstance(event, Caption) and event.utterance == name:
            answer.heard = event.text
        elif isinstance(event, Speaking) and event.utterance == name:
            if event.on:
                self._do(self._taker.answer_started())
            else:
                self._finish(answer)
                if event.reason == "finished":
                    self._do(self._taker.answer_ended())

    def _greet(self, text: str) -> None:
        try:
            utterance = self._voice.open(self._persona.voice)
        except SpeakerBusyError as error:
            self._fail("busy", error)
            return
        self._answer = _Answer(user=None, utterance=utterance)
        self._taker.greet(protected=self._persona.turns.protect_greeting)
        utterance.add(text)
        utterance.end()

    def _finish(self, answer: _Answer) -> None:
        """Write down what was heard of an answer; it is over."""
        if answer.heard:
            self._turns.append(Turn("avatar", answer.heard))
        if self._answer is answer:
            self._answer = None

    # --- doing ----------------------------------------------------------------------------------

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action.kind:
                case "open":
                    self._open()
                case "settle":
                    self._settling = self._start(self._settle())
                case "close":
                    self._close()
                case "prepare":
                    self._prepare(action.text)
                case "commit":
                    self._commit(action.text)
                case "drop":
                    self._drop()
                case "hold":
                    self._voice.hold()
                case "resume":
                    self._voice.resume()
                case "cut":
                    self._cut(action.reason)
        self._changed.set()
        self._show_state()

    def _open(self) -> None:
        try:
            self._recognition = self._recogniser.open(self._persona.language, self._on_partial)
        except RecognitionError as error:
            self._fail("recognition_failed", error)

    def _close(self) -> None:
        self._stop_settling()
        if self._recognition is not None:
            self._recognition.close()
            self._recognition = None

    async def _settle(self) -> None:
        text = ""
        if self._recognition is not None:
            try:
                text = await self._recognition.transcript()
            except RecognitionError as error:
                self._fail("recognition_failed", error)
        self._settling = None
        self._do(self._taker.transcript(text, self._now()))

    def _stop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _on_partial(self, text: str) -> None:
        self._publish(Transcript(text=text))
        self._do(self._taker.partial(text))

    def _prepare(self, text: str) -> None:
        self._drop()
        answer = self._answer = _Answer(user=text)
        turns = (*self._turns, Turn("user", text))
        answer.task = self._start(self._think(answer, turns))

    def _commit(self, text: str) -> None:
        self._turns.append(Turn("user", text))
        self._publish(Transcript(text=text, final=True))
        if self._answer is not None:
            self._answer.committed.set()

    def _drop(self) -> None:
        """Forget the answer that is being prepared; nobody has heard any of it."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if answer.task is not None:
            answer.task.cancel()
        if answer.utterance is not None:
            self._voice.interrupt()

    def _cut(self, reason: Reason) -> None:
        """The avatar's turn is over before its end."""
        answer = self._answer
        if answer is not None and answer.task is not None:
            answer.task.cancel()
        self._voice.interrupt()  # its events end the answer, see on_event
        log.debug("answer cut by %s", reason)
        self._publish(ConversationState(state="interrupted", reason=reason))
        self._published = "interrupted"

    async def _think(self, answer: _Answer, turns: tuple[Turn, ...]) -> None:
        persona = self._persona
        try:
            async with aclosing(
                self._dialogue.answer(turns, persona.instructions, persona.language)
            ) as deltas:
                async for written in speakable(deltas):
                    if not (piece := plain(written)):
                        continue
                    await answer.committed.wait()
                    if answer.utterance is None:
                        answer.utterance = self._voice.open(persona.voice)
                    answer.utterance.add(piece)
        except (DialogueError, SpeakerBusyError) as error:
            self._fail("answer_failed", error)
        await answer.committed.wait()
        if answer.utterance is not None:
            answer.utterance.end()
        else:
            self._finish(answer)
            self._do(self._taker.answer_ended())

    # --- telling --------------------------------------------------------------------------------

    def _show_state(self) -> None:
        phase = self._taker.phase
        if phase == "held":
            return  # whether it was an interruption is not known yet
        state = {"thinking": "thinking", "speaking": "speaking"}.get(phase, "listening")
        if state != self._published:
            self._published = state
            self._publish(ConversationState.model_validate({"state": state}))

    def _fail(self, code: str, error: Exception) -> None:
        self._publish(ErrorEvent(code=code, message=str(error)))

    # --- inside ---------------------------------------------------------------------------------

    def _feed_remembered(self) -> None:
        """Let the recogniser hear how the speech began, before it was noticed."""
        if self._recognition is not None:
            for chunk in self._preroll:
                self._recognition.feed(chunk)
            self._preroll.clear()

    def _remember(self, speech: FloatArray) -> None:
        self._preroll.append(np.asarray(speech, np.float32))
        kept = sum(map(len, self._preroll))
        while self._preroll and kept - len(self._preroll[0]) >= PREROLL_SECONDS * SPEECH_RATE:
            kept -= len(self._preroll.popleft())

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the conversation failed", exc_info=error)
            self._fail("internal_error", RuntimeError("an engine failed; say it again"))
            self._do(self._taker.stop("api"))
