"""Shows whose turn it is: to the client as a state, in the avatar's face as attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from avatar_server.conversation.turns import Phase, Reason, TurnTaker
from motion.contract import Attention
from streaming.protocol import ConversationState

_ATTENTION: Final[Mapping[Phase, Attention]] = {
    "listening": "idle",
    "thinking": "thinking",
    "speaking": "speaking",
}
"""The avatar's attention in each phase; in all others it is listening."""


class TurnSign:
    """Publishes changes of state and attention, each once."""

    def __init__(
        self,
        taker: TurnTaker,
        publish: Callable[[ConversationState], None],
        attend: Callable[[Attention], None],
    ) -> None:
        self._taker = taker
        self._publish = publish
        self._attend = attend
        self._published = ""
        self._attention: Attention = "idle"
        self._stirred = False

    @property
    def state(self) -> ConversationState:
        """Whose turn it is."""
        phase = self._taker.phase
        if phase == "held":
            phase = self._taker.held
        name = phase if phase in ("thinking", "speaking") else "listening"
        return ConversationState.model_validate({"state": name})

    def show(self) -> None:
        """Publish the state and the attention if they have changed."""
        state = self.state
        if state.state != self._published:
            self._tell(state)
        attention = _ATTENTION.get(self._taker.phase, "listening")
        if attention == "idle" and self._stirred:
            attention = "listening"
        if attention != self._attention:
            self._attention = attention
            self._attend(attention)

    def stir(self, on: bool) -> None:
        """Possible speech is heard: the face shows attention before it is certain."""
        if on != self._stirred:
            self._stirred = on
            self.show()

    def interrupted(self, reason: Reason) -> None:
        """The avatar's turn was cut."""
        self._tell(ConversationState(state="interrupted", reason=reason))

    def _tell(self, state: ConversationState) -> None:
        self._published = state.state
        self._publish(state)
