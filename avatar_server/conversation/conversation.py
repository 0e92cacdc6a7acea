"""A conversation: the engines joined by the turn-taking of :mod:`turns`.

Sound goes in (:meth:`Conversation.hear`), the session's events go in (:meth:`on_event`), and the
avatar's voice is told what to say, when to hold and when to stop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from avatar_server.conversation.answer import Answer, ConversationVoice
from avatar_server.conversation.asr import RecognitionError, SpeechRecogniser
from avatar_server.conversation.dialogue import Dialogue, DialogueError, Turn
from avatar_server.conversation.ear import Ear
from avatar_server.conversation.endpointing import SpeechDetector
from avatar_server.conversation.history import History, new_turn_key
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.progress import Progress, UserBegan, UserEnded, UserRevoked
from avatar_server.conversation.speaker import SpeakerBusyError
from avatar_server.conversation.transcripts import Transcripts
from avatar_server.conversation.turn_sign import TurnSign
from avatar_server.conversation.turns import Action, Reason, TurnTaker
from motion.contract import SPEECH_RATE, Attention
from motion.layout import FloatArray
from streaming.protocol import (
    Caption,
    ConversationState,
    ErrorEvent,
    ServerEvent,
    Speaking,
)

log = logging.getLogger(__name__)


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
        observe: Callable[[Progress], None] = lambda _: None,
        attend: Callable[[Attention], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``publish`` gets events for the client, ``observe`` the progress of turns, ``attend``
        where the avatar's attention is."""
        self.history = History()
        """What has been said, the avatar's turns as far as they were heard."""
        self._persona = persona
        self._voice = voice
        self._ear = Ear(detector, recogniser)
        self._dialogue = dialogue
        self._publish = publish
        self._observe = observe
        self._now = now
        self._transcripts = Transcripts(publish)
        self._taker = TurnTaker(persona.turns)
        self._sign = TurnSign(self._taker, publish, attend)
        self._answer: Answer | None = None
        self._user: str | None = None
        """Key of the turn that the user is speaking."""
        self._unheard: str | None = None
        """Language that the recogniser does not support: speech in it is ignored."""
        self._speech = (0.0, 0.0)
        """Seconds of the microphone's sound at which speech began and ended last."""
        self._settling: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def answering(self) -> str | None:
        """Key of the answer that is being generated or played."""
        answer = self._answer
        return answer.key if answer is not None and answer.committed else None

    @property
    def voice(self) -> str:
        """The persona's voice."""
        return self._persona.voice

    @property
    def hearing(self) -> bool:
        """Whether the user is in the middle of a spoken turn."""
        return self._user is not None

    def reconfigure(self, persona: Persona, detector: SpeechDetector[Any]) -> None:
        """Use ``persona`` from the next event on."""
        self._persona = persona
        self._taker.policy = persona.turns
        self._ear.detector = detector

    @property
    def state(self) -> ConversationState:
        """Whose turn it is."""
        return self._sign.state

    async def run(self) -> None:
        """Greet, then drive the deadlines of turn-taking until cancelled."""
        try:
            # A user who has said something already is answered instead.
            if self._persona.greeting and self._answer is None:
                self.greet(self._persona.greeting)
            self._sign.show()
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
            self._ear.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- the user -------------------------------------------------------------------------------

    def hear(self, speech: FloatArray) -> None:
        """The user's microphone: ``speech [n]`` at 16 kHz, in real time."""
        for event in self._ear.hear(speech):
            if self._unheard == self._persona.language:
                continue
            second = event.sample / SPEECH_RATE
            at = self._now() - self._ear.samples / SPEECH_RATE + second
            if event.kind == "started":
                self._speech = (second, second)
                self._stop_settling()
                if self._voice.busy:
                    self._taker.aside_started()
                self._do(self._taker.speech_started(at))
                if self._voice.busy:
                    self._do(self._taker.aside_goes_on())
                self._ear.feed_remembered()
            else:
                self._speech = (self._speech[0], second)
                self._do(self._taker.speech_ended(at))
        self._sign.stir(self._ear.stirred and self._unheard != self._persona.language)

    def type(self, text: str) -> None:
        """The user wrote ``text``."""
        self._stop_settling()
        self._do(self._taker.typed(text))

    def respond(self, instructions: str | None = None) -> None:
        """Answer what has been said; ``instructions``, if given, replace the persona's."""
        self._stop_settling()
        self._do(self._taker.asked(), instructions)

    def stop(self, reason: Reason) -> None:
        """The user wants silence."""
        self._stop_settling()
        self._do(self._taker.stop(reason))

    # --- the avatar -----------------------------------------------------------------------------

    def on_event(self, event: ServerEvent) -> None:
        """What happens in the session."""
        answer = self._answer
        if answer is None:
            ended = isinstance(event, Speaking) and not event.on and not self._voice.busy
            if ended and self._taker.phase in ("speaking", "held"):
                self._pass_turn()  # speech that was no answer (``say``) is over
            return
        if answer.utterance is None:
            return
        name = answer.utterance.name
        if isinstance(event, Caption) and event.utterance == name:
            answer.heard = event.text
        elif isinstance(event, Speaking) and event.utterance == name:
            if event.on:
                self._do(self._taker.answer_started())
            else:
                self._finish(answer, event.position_ms)
                if event.reason == "finished":
                    self._pass_turn()

    def greet(self, text: str) -> None:
        """Say ``text`` before anything else has been said."""
        answer = self._answer = Answer(self._observe)
        self._taker.greet(protected=self._persona.turns.protect_greeting)
        answer.commit()
        answer.task = self._start(self._say(answer, _only(text)))
        self._sign.show()

    def _finish(self, answer: Answer, position_ms: int = 0) -> None:
        """End an answer and record what was heard of it in the history."""
        if answer.heard:
            self.history.add(answer.key, Turn("avatar", answer.heard))
        if self._answer is answer:
            self._answer = None
        answer.finish(position_ms)

    def _pass_turn(self) -> None:
        """The avatar's turn is over; the user may be speaking already."""
        self._do(self._taker.answer_ended())
        self._ear.feed_remembered()

    # --- doing ----------------------------------------------------------------------------------

    def _do(self, actions: list[Action], instructions: str | None = None) -> None:
        for action in actions:
            match action.kind:
                case "open":
                    self._open()
                case "settle":
                    self._settling = self._start(self._settle())
                case "close":
                    self._stop_settling()
                    self._ear.close()
                case "prepare":
                    self._prepare(action.text, instructions)
                case "commit":
                    self._commit(action.text)
                case "drop":
                    self._drop(action.reason)
                case "hold":
                    self._voice.hold()
                case "resume":
                    self._voice.resume()
                case "cut":
                    self._cut(action.reason)
        self._follow_user()
        self._changed.set()
        self._sign.show()

    def _open(self) -> None:
        try:
            self._ear.open(self._persona.language, self._on_partial)
        except RecognitionError as error:
            self._unheard = self._persona.language
            self._fail("language_not_heard", error)
            self._do(self._taker.unheard())

    async def _settle(self) -> None:
        text = ""
        try:
            text = await self._ear.transcript()
        except RecognitionError as error:
            self._fail("recognition_failed", error)
        self._settling = None
        self._do(self._taker.transcript(text, self._now()))

    def _stop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _on_partial(self, text: str) -> None:
        self._transcripts.partial(text)
        self._do(self._taker.partial(text))

    def _follow_user(self) -> None:
        """Report when the user's turn begins, and when it ends without words."""
        speaks = self._taker.phase in ("hearing", "closing")
        if speaks and self._user is None:
            self._user = new_turn_key()
            self._observe(UserBegan(self._user, self._speech[0]))
        elif not speaks and self._user is not None:
            self._end_user("")

    def _end_user(self, text: str) -> str:
        key, self._user = self._user or new_turn_key(), None
        if text:
            self.history.add(key, Turn("user", text))
        self._observe(UserEnded(key, self._speech[1], text))
        return key

    def _prepare(self, text: str, instructions: str | None) -> None:
        self._drop("voice")
        answer = self._answer = Answer(self._observe)
        turns = (*self.history.turns, Turn("user", text)) if text else self.history.turns
        if instructions is None:
            instructions = self._persona.instructions
        answer.task = self._start(self._think(answer, turns, instructions))

    def _commit(self, text: str) -> None:
        """The user's turn is over; an empty ``text`` means that an answer was requested instead."""
        question = self._end_user(text) if text else None
        if text:
            self._transcripts.final(text)
        if self._answer is not None:
            # A typed turn cannot be continued by voice: only a spoken one can be revoked.
            self._answer.question = question if self._ear.recognising else None
            self._answer.commit()

    def _drop(self, reason: Reason) -> None:
        """Discard the answer that is being prepared; none of it has been heard."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if answer.task is not None:
            answer.task.cancel()
        if answer.utterance is not None:
            self._voice.interrupt()
        if answer.committed:
            answer.reason = reason
            self._finish(answer)
            if reason == "voice" and answer.question is not None:
                self.history.remove(answer.question)
                self._transcripts.take_back()
                self._observe(UserRevoked(answer.question))

    def _cut(self, reason: Reason) -> None:
        """Interrupt the avatar's turn."""
        answer = self._answer
        if answer is not None:
            answer.reason = reason
            if answer.task is not None:
                answer.task.cancel()
            if answer.utterance is None:
                self._finish(answer)
        self._voice.interrupt()  # its events end the answer, see on_event
        log.debug("answer cut by %s", reason)
        self._sign.interrupted(reason)

    async def _think(self, answer: Answer, turns: tuple[Turn, ...], instructions: str) -> None:
        answers = self._dialogue.answer(turns, instructions, self._persona.language)
        async with aclosing(answers) as deltas:
            await self._say(answer, deltas)

    async def _say(self, answer: Answer, deltas: AsyncIterator[str]) -> None:
        failure: Exception | None = None
        try:
            await answer.speak(deltas, self._voice, self._persona.voice)
        except (DialogueError, SpeakerBusyError) as error:
            failure = error
        await answer.end()  # waits for the commit: a failed answer that is dropped goes unreported
        if failure is not None:
            answer.failed = True
            self._fail("answer_failed", failure)
        if answer.utterance is None:
            self._finish(answer)
            self._pass_turn()

    # --- telling --------------------------------------------------------------------------------

    def _fail(self, code: str, error: Exception) -> None:
        self._publish(ErrorEvent(code=code, message=str(error)))

    # --- inside ---------------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the conversation failed", exc_info=error)
            if self._answer is not None and self._answer.task is task:
                self._answer.failed = True
            self._fail("internal_error", RuntimeError("an engine failed; say it again"))
            self._do(self._taker.stop("api"))


async def _only(text: str) -> AsyncIterator[str]:
    yield text
