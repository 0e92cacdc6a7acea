"""Tells a client of the Realtime protocol what happens in its session and conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from avatar_server.conversation.progress import (
    AnswerBegan,
    AnswerEnded,
    AnswerMade,
    AnswerSounded,
    AnswerWritten,
    Progress,
    UserBegan,
    UserEnded,
    UserRevoked,
)
from avatar_server.realtime.items import Item, Items
from avatar_server.realtime.response import Emit, Response
from streaming.protocol import (
    Caption,
    ConversationState,
    ErrorEvent,
    ServerEvent,
    SessionWarning,
    Speaking,
    Transcript,
)


class Telling:
    """Follows a session (a :class:`avatar_server.session.Listener`) and its conversation."""

    def __init__(self, emit: Emit, items: Items, end: Callable[[str], None]) -> None:
        self.response: Response | None = None
        """The response that is being generated or played."""
        self._emit = emit
        self._items = items
        self._end = end
        self._voice = ""
        self._metadata: Mapping[str, str] | None = None
        self._user: str | None = None
        """Item of the turn that the user is speaking."""
        self._began = 0.0
        self._partial = ""
        self._last_error = "server_error"

    def answer_by(self, voice: str, metadata: Mapping[str, str] | None) -> None:
        """Set the voice and metadata of the next response."""
        self._voice = voice
        self._metadata = metadata

    # --- the user's turns -----------------------------------------------------------------------

    def committed(self, item: Item) -> None:
        """The user's sound has become an item."""
        previous = self._items.add(item)
        place = {"previous_item_id": previous, "item_id": item.id}
        self._emit("input_audio_buffer.committed", **place)
        wire = item.wire()
        self._emit("conversation.item.added", previous_item_id=previous, item=wire)
        self._emit("conversation.item.done", previous_item_id=previous, item=wire)

    def transcribed(self, item: Item, seconds: float) -> None:
        """The user's item, ``seconds`` long, has been transcribed."""
        self._emit(
            "conversation.item.input_audio_transcription.completed",
            item_id=item.id,
            content_index=0,
            transcript=item.text or "",
            usage={"type": "duration", "seconds": round(seconds, 3)},
        )

    def not_transcribed(self, item: Item, message: str) -> None:
        """The transcription of the user's item failed."""
        error = {"type": "server_error", "code": "recognition_failed", "message": message}
        self._emit(
            "conversation.item.input_audio_transcription.failed",
            item_id=item.id,
            content_index=0,
            error=error,
        )

    # --- the conversation -----------------------------------------------------------------------

    def on_progress(self, progress: Progress) -> None:
        match progress:
            case UserBegan():
                self._user, self._began, self._partial = progress.turn, progress.second, ""
                self._emit(
                    "input_audio_buffer.speech_started",
                    item_id=progress.turn,
                    audio_start_ms=round(progress.second * 1000),
                )
            case UserEnded():
                self._user_ended(progress)
            case UserRevoked():
                if progress.turn in self._items:
                    self._items.remove(progress.turn)
                    self._emit("conversation.item.deleted", item_id=progress.turn)
            case AnswerBegan():
                self.response = Response(
                    self._emit, self._items, progress.turn, self._voice, self._metadata
                )
                self._metadata = None
            case AnswerWritten() if self.response is not None:
                self.response.written(progress.text)
            case AnswerSounded() if self.response is not None:
                self.response.sounded(progress)
            case AnswerMade() if self.response is not None:
                self.response.made()
            case AnswerEnded() if self.response is not None:
                response, self.response = self.response, None
                response.ended(progress, self._last_error)

    def _user_ended(self, ended: UserEnded) -> None:
        if self._user is None:
            item = Item(ended.turn, "user", "input_text", ended.text)
            previous = self._items.add(item)
            wire = item.wire()
            self._emit("conversation.item.added", previous_item_id=previous, item=wire)
            self._emit("conversation.item.done", previous_item_id=previous, item=wire)
            return
        self._user = None
        end = round(ended.second * 1000)
        self._emit("input_audio_buffer.speech_stopped", item_id=ended.turn, audio_end_ms=end)
        if ended.text:
            item = Item(ended.turn, "user", "input_audio", ended.text)
            self.committed(item)
            self.transcribed(item, ended.second - self._began)

    # --- the session ----------------------------------------------------------------------------

    def on_event(self, event: ServerEvent) -> None:
        match event:
            case Transcript() if not event.final:
                self._show_partial(event.text)
            case Caption() if event.utterance in self._items:
                self._emit(
                    "avatar.caption",
                    item_id=event.utterance,
                    text=event.text,
                    final=event.final,
                )
            case Speaking() if event.utterance is not None and event.utterance in self._items:
                self._show_speaking(event)
            case ConversationState():
                if event.state == "off":
                    self._end("the conversation was ended")
                self._emit("avatar.state", state=event.state, reason=event.reason)
            case SessionWarning():
                self._emit(
                    "avatar.warning",
                    reason=event.reason,
                    seconds=event.seconds,
                    message=event.message,
                )
            case ErrorEvent():
                self._last_error = event.code
                error = {
                    "type": "server_error",
                    "code": event.code,
                    "message": event.message,
                    "param": None,
                    "event_id": None,
                }
                self._emit("error", error=error)

    def on_session_end(self, reason: str) -> None:
        self._end(reason)

    def _show_partial(self, text: str) -> None:
        """Send what was added to the text; corrections appear in the final transcript only."""
        if self._user is None or not text.startswith(self._partial):
            return
        delta, self._partial = text[len(self._partial) :], text
        if delta:
            self._emit(
                "conversation.item.input_audio_transcription.delta",
                item_id=self._user,
                content_index=0,
                delta=delta,
            )

    def _show_speaking(self, event: Speaking) -> None:
        if event.on:
            self._emit("avatar.speech_started", item_id=event.utterance)
        else:
            self._emit(
                "avatar.speech_finished",
                item_id=event.utterance,
                playback_position_ms=event.position_ms,
                interrupted=event.reason == "interrupted",
            )
