"""Whose turn it is: a state machine over voice activity, transcripts and playout.

It takes events with their times and returns actions; it has no clock, no engines and no I/O of its
own. The async side is :mod:`avatar_server.conversation.conversation`.

The avatar falls silent as soon as the user is heard over it. Once the words are known, or the
speech is long enough, that was either an interruption, which ends the avatar's turn, or a
back-channel ("mhm") or a noise, after which it resumes where it stopped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Phase = Literal["listening", "hearing", "closing", "thinking", "speaking", "held"]
Reason = Literal["voice", "button", "text", "api"]


class TurnPolicy(BaseModel):
    """When a turn is over, and what may interrupt the avatar. Durations are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patience: Annotated[float, Field(ge=0, le=5)] = 0.5
    """Silence that ends a turn whose words look complete."""
    patience_unfinished: Annotated[float, Field(ge=0, le=10)] = 1.1
    """The same for words that look as if more will come ("I would like to ...")."""
    barge_in: bool = True
    """Whether the user's voice may interrupt the avatar at all."""
    backchannels: frozenset[str] = frozenset(
        "mhm mm mmm hm hmm uh-huh uh um ah oh yeah yes yep ok okay right sure aha".split()
    )
    """Words that a listener says without taking the turn."""
    backchannel_seconds: Annotated[float, Field(ge=0, le=3)] = 0.8
    """Speech longer than this is never a back-channel."""
    answers: bool = True
    """Whether turns of the user are answered without a request."""
    protect_greeting: bool = False
    """Whether the greeting cannot be interrupted by voice."""


_OPEN_ENDED: Final = frozenset(
    "and but or so because if when that which to the a an of for with in on my your is are was "
    "und aber oder weil dass mit der die das ein eine et mais ou parce que avec le la les un une "
    "y pero o porque con el los".split()
)
"""Words that do not end a sentence, in a few languages."""


@dataclass(frozen=True, slots=True)
class Action:
    """What to do next."""

    kind: Literal["open", "settle", "close", "prepare", "commit", "drop", "hold", "resume", "cut"]
    """open, close: begin and end recognising the user's turn. settle: get its transcript.
    prepare: work on an answer without being heard. commit: let it be heard. drop: forget it.
    hold, resume: the avatar falls silent for now, goes on. cut: its turn is over."""
    text: str = ""
    """prepare, commit: what the user said; "" if an answer was requested without a turn."""
    reason: Reason = "voice"
    """cut, drop: what caused it."""


class TurnTaker:
    """Feed events in the order in which they happen; ``now`` is seconds on any one clock."""

    def __init__(self, policy: TurnPolicy | None = None) -> None:
        self.policy = policy or TurnPolicy()
        self.phase: Phase = "listening"
        self.deadline: float | None = None
        """When to call :meth:`tick`; None if time makes no difference."""
        self._since = 0.0
        """When the user's current speech, or the silence after it, began."""
        self._text: str | None = None
        """Transcript of the turn once it is settled."""
        self._prepared = False
        self._protected = False
        self._recognising = False
        self._unheeded: float | None = None
        """Since when the user has been speaking over an answer that may not be interrupted."""
        self.held: Literal["thinking", "speaking"] = "speaking"
        """What the avatar did when it was held last."""

    # --- the user -------------------------------------------------------------------------------

    def speech_started(self, at: float) -> list[Action]:
        """The user has been speaking since ``at``."""
        match self.phase:
            case "listening":
                self._enter("hearing", at)
                return self._open()
            case "closing" | "thinking" if self._recognising:
                # The turn goes on: an answer that nobody heard leaves no trace.
                dropped = [Action("drop")] if self._prepared else []
                self._enter("hearing", at)
                return [*dropped, *self._open()]
            case "thinking" | "speaking" if self.policy.barge_in and not self._protected:
                self.held = self.phase
                self._enter("held", at, at + self.policy.backchannel_seconds)
                return [Action("hold"), *self._open()]
            case "thinking" | "speaking":
                self._unheeded = at
            case "held":
                self._since, self.deadline = at, at + self.policy.backchannel_seconds
        return []

    def speech_ended(self, at: float) -> list[Action]:
        """The user has been silent since ``at``."""
        self._unheeded = None
        match self.phase:
            case "hearing":
                self._enter("closing", at)
                return [Action("settle")]
            case "held":
                self._since, self.deadline = at, None
                return [Action("settle")]
        return []

    def partial(self, text: str) -> list[Action]:
        """A partial transcript of the user's turn."""
        if self.phase == "held" and not self._is_backchannel(text):
            self._hear_on()
            return [Action("cut")]
        return []

    def transcript(self, text: str, now: float) -> list[Action]:
        """The transcript of the user's turn that ``settle`` asked for."""
        if self.phase == "held":
            if self._is_backchannel(text):
                return self._go_on()
            self._enter("closing", now)
            return [Action("cut"), *self._consider(text, now)]
        if self.phase == "closing":
            return self._consider(text, now)
        return []

    def unheard(self) -> list[Action]:
        """The recogniser cannot transcribe the user: treat the speech as silence."""
        if self.phase == "held":
            return self._go_on()
        if self.phase == "hearing":
            self._enter("listening", 0.0)
        return self._close()

    def typed(self, text: str) -> list[Action]:
        """The user wrote instead of speaking."""
        return self._answer_now(text, "text")

    def asked(self) -> list[Action]:
        """An answer to what has been said is requested."""
        return self._answer_now("", "api")

    def stop(self, reason: Reason) -> list[Action]:
        """The user wants silence."""
        actions = self._abandon(reason)
        self._enter("listening", 0.0)
        return actions

    # --- the avatar -----------------------------------------------------------------------------

    def greet(self, *, protected: bool) -> None:
        """The avatar is about to greet; ``protected``: a voice does not interrupt it."""
        self._enter("thinking", 0.0)
        self._prepared = True
        self._protected = protected

    def aside_started(self) -> None:
        """The avatar speaks outside a turn (``say``): a voice may interrupt that as well."""
        if self.phase == "listening" and self.policy.barge_in:
            self._enter("speaking", 0.0)

    def aside_goes_on(self) -> list[Action]:
        """Outside a turn the avatar still speaks, though the user has begun to: where the user
        takes the turn back before the answer was heard, nothing else would silence it."""
        cuts = self.phase == "hearing" and self.policy.barge_in
        return [Action("cut")] if cuts else []

    def answer_started(self) -> list[Action]:
        """The first sound of the avatar's turn is heard."""
        if self.phase != "thinking":
            return []
        self._enter("speaking", 0.0)
        self._prepared = False
        return self._close()

    def answer_ended(self) -> list[Action]:
        """All of the avatar's turn has been heard, or there is none."""
        self._protected = False
        match self.phase:
            case "thinking" | "speaking":
                closed = self._close()
                if self._unheeded is None:
                    self._enter("listening", 0.0)
                    return closed
                self._enter("hearing", self._unheeded)
                return [*closed, *self._open()]
            case "held":
                # It has nothing more to say: what is heard now is simply the next turn.
                self._hear_on()
                return [Action("resume")]
        return []

    # --- time -----------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Action]:
        """Call this when :attr:`deadline` is reached."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.phase == "held":
            self._hear_on()
            return [Action("cut")]
        self.deadline = None
        if self.phase == "closing" and self._text:
            text = self._text
            if not self.policy.answers:
                self._enter("listening", now)
                return [Action("commit", text), *self._close()]
            self._enter("thinking", now)
            self._prepared = True
            return [Action("commit", text)]
        return []

    # --- inside ---------------------------------------------------------------------------------

    def _enter(self, phase: Phase, since: float, deadline: float | None = None) -> None:
        self.phase = phase
        self.deadline = deadline
        self._since = since
        self._text = None
        if phase in ("listening", "hearing"):
            self._prepared = False

    def _hear_on(self) -> None:
        """Speech over the avatar was a turn, which may have ended already."""
        self._enter("closing" if self.deadline is None else "hearing", self._since)

    def _go_on(self) -> list[Action]:
        """Speech over the avatar was a back-channel or noise: resume."""
        self._enter(self.held, 0.0)
        return [*self._close(), Action("resume")]

    def _consider(self, text: str, now: float) -> list[Action]:
        """The user has fallen silent after ``text``: is the turn over?"""
        if not text.strip():
            self._enter("listening", now)
            return self._close()
        unfinished = _looks_unfinished(text)
        patience = self.policy.patience_unfinished if unfinished else self.policy.patience
        self._text = text
        self.deadline = self._since + patience
        if not self.policy.answers:
            return self.tick(now)
        self._prepared = True
        return [Action("prepare", text), *self.tick(now)]

    def _answer_now(self, text: str, reason: Reason) -> list[Action]:
        before = self._abandon(reason)
        self._enter("thinking", 0.0)
        self._prepared = True
        return [*before, Action("prepare", text), Action("commit", text)]

    def _abandon(self, reason: Reason) -> list[Action]:
        self._protected = False
        match self.phase:
            case "closing" | "thinking" if self._prepared:
                return [Action("drop", reason=reason), *self._close()]
            case "speaking" | "held":
                return [Action("cut", reason=reason), *self._close()]
        return self._close()

    def _open(self) -> list[Action]:
        if self._recognising:
            return []
        self._recognising = True
        return [Action("open")]

    def _close(self) -> list[Action]:
        if not self._recognising:
            return []
        self._recognising = False
        return [Action("close")]

    def _is_backchannel(self, text: str) -> bool:
        words = re.findall(r"[^\W_]+(?:[-'][^\W_]+)*", text.lower())
        return len(words) <= 2 and all(word in self.policy.backchannels for word in words)


def _looks_unfinished(text: str) -> bool:
    words = text.rstrip().lower().split()
    return text.rstrip().endswith((",", "-", "...", "…")) or words[-1] in _OPEN_ENDED
