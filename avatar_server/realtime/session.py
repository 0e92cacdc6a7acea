"""Connects a client of the Realtime protocol with a session: translates events both ways."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Callable, Collection
from typing import Any, Final

import numpy as np

from avatar_server.conversation.asr import RecognitionError
from avatar_server.conversation.conversation import Conversation
from avatar_server.conversation.dialogue import Turn
from avatar_server.conversation.history import new_turn_key
from avatar_server.conversation.persona import Persona
from avatar_server.realtime.events import (
    RATE,
    BufferAppend,
    BufferClear,
    BufferCommit,
    ClientEvent,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    OutputClear,
    RealtimeError,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
    event_id_of,
    read_event,
)
from avatar_server.realtime.input import MIN_SECONDS, SoundReader, SpokenTurn
from avatar_server.realtime.items import Item, ItemKind, Items
from avatar_server.realtime.settings import RealtimeSettings
from avatar_server.realtime.telling import Telling
from avatar_server.session import Session
from avatar_server.talk import Talking
from streaming.clock import FPS
from streaming.protocol import ErrorEvent, Express, Show
from streaming.resample import FloatArray

log = logging.getLogger(__name__)

_PIECE: Final = RATE // 10
"""Samples that are processed at a time, so that bulk messages do not block the session."""

MAX_AHEAD_SECONDS: Final = 60.0
"""How far sound may arrive ahead of real time; beyond that it is read at real time."""


class _AnsweredError(RealtimeError):
    """What the session itself has refused, and counted."""


class RealtimeSession:
    """Use from the session's event loop only; begin with :meth:`begin`, end with :meth:`close`."""

    def __init__(
        self,
        session: Session,
        talking: Talking,
        voices: Collection[str],
        settings: RealtimeSettings,
        send: Callable[[str], None],
        end: Callable[[str], None],
    ) -> None:
        """``send`` gets messages for the client, ``end`` the reason why the connection ends."""
        self._session = session
        self._talking = talking
        self._voices = voices
        self._settings = settings
        self._send = send
        self._numbers = itertools.count(1)
        self._items = Items()
        self._notes: dict[str, str] = {}
        """Texts of the system's items."""
        self._telling = Telling(self._emit, self._items, end)
        self._reader = SoundReader()
        self._spoken: SpokenTurn | None = None
        self._recognising: asyncio.Task[None] | None = None
        self._heard_until = 0.0
        """When the received sound would end if played in real time, on the loop's clock."""
        self._conversation: Conversation

    def begin(self) -> None:
        """Begin the conversation; raises as :meth:`Session.converse` does."""
        self._conversation = self._session.converse(self._persona(), self._telling.on_progress)
        self._session.listen(self._telling)
        self._emit("session.created", session=self._describe())

    async def close(self, reason: str) -> None:
        """The client has gone."""
        self._session.unlisten(self._telling, reason)
        if self._session.talk.conversation is self._conversation:
            self._session.talk.end()
        if self._spoken is not None:
            self._spoken.close()
        if self._recognising is not None:
            self._recognising.cancel()
            await asyncio.gather(self._recognising, return_exceptions=True)

    async def receive(self, message: str | bytes) -> None:
        """Carry out a message of the client, or answer with an error."""
        if isinstance(message, bytes):
            self._session.note_error("bad_message")
            self._refuse(RealtimeError("invalid_value", "send events as text, not binary"), None)
            return
        try:
            event = read_event(message)
        except RealtimeError as error:
            self._session.note_error("bad_message")
            self._refuse(error, event_id_of(message))
            return
        try:
            await self._obey(event)
        except RealtimeError as error:
            if not isinstance(error, _AnsweredError):
                self._session.note_error(error.code)
            self._refuse(error, event.event_id)
        except Exception:  # a defect in one command must not end the session
            log.exception("a message could not be obeyed")
            self._session.note_error("internal_error")
            failure = RealtimeError("internal_error", "the server failed to do this; see its log")
            self._refuse(failure, event.event_id)

    # --- what the client wants ------------------------------------------------------------------

    async def _obey(self, event: ClientEvent) -> None:
        match event:
            case SessionUpdate():
                await self._update(event)
            case BufferAppend():
                await self._append(event)
            case BufferCommit():
                self._commit()
            case BufferClear():
                self._clear()
            case ItemCreate():
                self._create(event)
            case ItemRetrieve():
                self._emit("conversation.item.retrieved", item=self._items[event.item_id].wire())
            case ItemTruncate():
                self._truncate(event)
            case ItemDelete():
                self._delete(event)
            case ResponseCreate():
                await self._respond(event)
            case ResponseCancel():
                self._cancel(event)
            case OutputClear():
                self._silence()

    async def _update(self, event: SessionUpdate) -> None:
        change = event.session
        before = self._settings
        settings = before.changed(change, self._talking.personas.named, self._voices)
        if change.avatar.name is not None:
            await self._ask(Show(avatar=change.avatar.name), "session.avatar.name")
        base = settings.base
        if change.avatar.emotion is not None:
            wanted = Express(emotion=change.avatar.emotion, intensity=change.avatar.intensity)
            await self._ask(wanted, "session.avatar.emotion")
        elif base is not before.base:
            wanted = Express(emotion=base.emotion, intensity=base.intensity)
            await self._ask(wanted, "session.avatar.persona")
        self._settings = settings
        if (settings.turn_detection is None) != (before.turn_detection is None):
            self._forget_sound()
        self._reconfigure()
        self._emit("session.updated", session=self._describe())

    async def _ask(self, event: Show | Express, param: str) -> None:
        answer = await self._session.handle(event)
        if isinstance(answer, ErrorEvent):
            raise _AnsweredError(answer.code, answer.message, param)

    async def _append(self, event: BufferAppend) -> None:
        sound = self._reader.read(event.audio)
        for at in range(0, len(sound), _PIECE):
            piece = sound[at : at + _PIECE]
            self._hear(piece)
            now = asyncio.get_running_loop().time()
            # Time without sound earns no credit for later.
            self._heard_until = max(self._heard_until, now) + len(piece) / RATE
            await asyncio.sleep(max(0.0, self._heard_until - now - MAX_AHEAD_SECONDS))

    def _hear(self, sound: FloatArray) -> None:
        if self._settings.turn_detection is not None:
            self._session.hear(sound, RATE)
            return
        if self._spoken is None:
            recogniser = self._talking.engines.recogniser
            self._spoken = SpokenTurn(recogniser, self._persona().language)
        self._spoken.push(sound)

    def _commit(self) -> None:
        if self._settings.turn_detection is not None and self._conversation.hearing:
            # Enough silence, given at once, ends the turn without waiting.
            persona = self._persona()
            seconds = persona.endpointing.min_silence + persona.turns.patience_unfinished + 0.1
            self._session.hear(np.zeros(round(seconds * RATE), np.float32), RATE)
            return
        if self._spoken is None or self._spoken.seconds < MIN_SECONDS:
            held = 0 if self._spoken is None else round(self._spoken.seconds * 1000)
            raise RealtimeError(
                "input_audio_buffer_commit_empty",
                f"the buffer holds {held} ms of speech; append at least "
                f"{MIN_SECONDS * 1000:.0f} ms before a commit",
            )
        spoken, self._spoken = self._spoken, None
        self._reader = SoundReader()
        item = Item(new_turn_key(), "user", "input_audio")
        self._telling.committed(item)
        before = self._recognising
        self._recognising = asyncio.create_task(self._recognise(item, spoken, before))

    async def _recognise(
        self, item: Item, spoken: SpokenTurn, before: asyncio.Task[None] | None
    ) -> None:
        try:
            item.text = await spoken.transcript()
        except RecognitionError as error:
            self._telling.not_transcribed(item, str(error))
        except Exception:  # recognisers come from other packages too
            log.exception("the recogniser failed")
            self._telling.not_transcribed(item, "the recogniser failed; say it again")
        else:
            if before is not None:
                await before  # turns stay in order
            if item.text and item.id in self._items:
                self._conversation.history.add(item.id, Turn("user", item.text))
            self._telling.transcribed(item, spoken.seconds)
        finally:
            spoken.close()

    def _clear(self) -> None:
        self._forget_sound()
        self._emit("input_audio_buffer.cleared")

    def _forget_sound(self) -> None:
        self._reader = SoundReader()
        if self._spoken is not None:
            self._spoken.close()
            self._spoken = None
        if self._conversation.hearing:
            self._conversation.stop("api")

    def _create(self, event: ItemCreate) -> None:
        message = event.item
        kind: ItemKind = "output_text" if message.role == "assistant" else "input_text"
        item = Item(message.id or new_turn_key(), message.role, kind, message.text)
        previous = self._items.add(item, event.previous_item_id)
        history = self._conversation.history
        if item.role == "system":
            self._notes[item.id] = message.text
            # Notes whose items have been dropped go with them.
            self._notes = {key: note for key, note in self._notes.items() if key in self._items}
            self._reconfigure()
        else:
            speaker: Any = "user" if item.role == "user" else "avatar"
            remembered = [key for key in self._items.before(item.id) if key in history]
            position = history.position_after(remembered[-1]) if remembered else 0
            history.add(item.id, Turn(speaker, message.text), position)
        wire = item.wire()
        self._emit("conversation.item.added", previous_item_id=previous, item=wire)
        self._emit("conversation.item.done", previous_item_id=previous, item=wire)

    def _truncate(self, event: ItemTruncate) -> None:
        item = self._items[event.item_id]
        if item.marks is None:
            raise RealtimeError(
                "invalid_value", "only what the avatar has spoken can be truncated", "item_id"
            )
        length = round(item.marks.seconds * 1000)
        if event.audio_end_ms > length:
            raise RealtimeError(
                "invalid_value", f"the item has {length} ms of sound", "audio_end_ms"
            )
        if self._conversation.answering == item.id:
            self._conversation.stop("api")
        item.text = item.marks.heard(event.audio_end_ms / 1000)
        self._conversation.history.amend(item.id, item.text)
        self._emit(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=event.audio_end_ms,
        )

    def _delete(self, event: ItemDelete) -> None:
        if self._conversation.answering == event.item_id:
            self._conversation.stop("api")
        self._items.remove(event.item_id)
        self._conversation.history.remove(event.item_id)
        if self._notes.pop(event.item_id, None) is not None:
            self._reconfigure()
        self._emit("conversation.item.deleted", item_id=event.item_id)

    async def _respond(self, event: ResponseCreate) -> None:
        if self._recognising is not None:
            # The answer must take committed sound into account.
            await self._recognising
        if self._telling.response is not None:
            raise RealtimeError(
                "conversation_already_has_active_response",
                f"response {self._telling.response.id} is not over; cancel it or wait",
            )
        wanted = event.response
        self._telling.answer_by(self._persona().voice, wanted.metadata)
        greeting = self._settings.base.greeting
        if greeting and wanted.instructions is None and self._items.last is None:
            self._conversation.greet(greeting)
        elif wanted.instructions is None:
            self._conversation.respond()
        else:
            notes = self._notes.values()
            self._conversation.respond("\n\n".join((wanted.instructions, *notes)))

    def _cancel(self, event: ResponseCancel) -> None:
        response = self._telling.response
        if response is None or event.response_id not in (None, response.id):
            raise RealtimeError("response_cancel_not_active", "there is no such active response")
        self._conversation.stop("api")

    def _silence(self) -> None:
        response = self._telling.response
        if response is not None:
            self._conversation.stop("api")
            self._emit("output_audio_buffer.cleared", response_id=response.id)

    # --- inside ---------------------------------------------------------------------------------

    def _persona(self) -> Persona:
        # The greeting is spoken at the first response.create, not at the start.
        persona = self._settings.persona(tuple(self._notes.values()))
        return persona.model_copy(update={"greeting": ""})

    def _reconfigure(self) -> None:
        self._session.talk.reconfigure(self._persona())
        self._telling.answer_by(self._persona().voice, None)

    def _describe(self) -> dict[str, Any]:
        session = self._session
        return {
            **self._settings.describe(),
            "id": session.id,
            "avatar": {
                "name": session.avatar.name,
                "persona": self._settings.base.name,
                "size": session.avatar.size,
                "fps": FPS,
                "watch": {
                    "whep": f"/v1/whep?session={session.id}",
                    "offer": {"url": "/api/offer", "session": session.id},
                },
            },
        }

    def _emit(self, kind: str, **fields: object) -> None:
        event = {"type": kind, "event_id": f"event_{next(self._numbers)}", **fields}
        self._send(json.dumps(event))

    def _refuse(self, error: RealtimeError, event_id: str | None) -> None:
        details = {
            "type": "invalid_request_error",
            "code": error.code,
            "message": str(error),
            "param": error.param,
            "event_id": event_id,
        }
        self._emit("error", error=details)
