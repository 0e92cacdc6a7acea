"""One response of the Realtime protocol: the events of an answer as it is generated and played."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from avatar_server.conversation.progress import AnswerEnded, AnswerSounded
from avatar_server.realtime.events import PCM, RATE
from avatar_server.realtime.items import Item, Items, SoundMarks
from streaming.resample import FloatArray, Resampler, to_s16

Emit = Callable[..., None]
"""Sends an event: its type, and its fields by name."""

_STATUS: Final = {"finished": "completed", "cut": "cancelled", "failed": "failed"}


class Response:
    """Its item, added with the first words, has the id of the avatar's turn."""

    def __init__(
        self,
        emit: Emit,
        items: Items,
        item_id: str,
        voice: str,
        metadata: Mapping[str, str] | None,
    ) -> None:
        self.id = f"resp_{secrets.token_hex(8)}"
        self._emit = emit
        self._items = items
        self._item_id = item_id
        self._voice = voice
        self._metadata = None if metadata is None else dict(metadata)
        self._item: Item | None = None
        self._marks = SoundMarks()
        self._resampler: tuple[int, Resampler] | None = None
        self._made = False
        self._status = "in_progress"
        self._details: dict[str, Any] | None = None
        emit("response.created", response=self._wire())

    def written(self, text: str) -> None:
        """The answer's text has grown."""
        item = self._item or self._begin()
        self._marks.text += text
        item.text = self._marks.text
        self._emit("response.output_audio_transcript.delta", **self._part_place(), delta=text)

    def sounded(self, progress: AnswerSounded) -> None:
        """The answer's sound has grown."""
        chunk = progress.chunk
        if self._item is None:
            self._begin()
        self._marks.add(progress.index, chunk)
        if self._resampler is None or self._resampler[0] != chunk.rate:
            self._flush()
            self._resampler = (chunk.rate, Resampler(chunk.rate, RATE))
        self._send(self._resampler[1].push(chunk.pcm))

    def made(self) -> None:
        """The answer is complete, though not all of it has been played."""
        if self._item is None or self._made:
            return
        self._made = True
        self._flush()
        place = self._part_place()
        text = self._item.text or ""
        part = {"type": "audio", "transcript": text}
        self._emit("response.output_audio.done", **place)
        self._emit("response.output_audio_transcript.done", **place, transcript=text)
        self._emit("response.content_part.done", **place, part=part)
        wire = self._item.wire()
        self._emit("response.output_item.done", **self._place(), item=wire)
        self._emit("conversation.item.done", item=wire)

    def ended(self, progress: AnswerEnded, code: str) -> None:
        """The answer is over; ``code`` names the error if it failed."""
        outcome = progress.outcome
        if outcome == "finished" and self._item is not None and not self._marks.seconds:
            outcome = "failed"  # the voice failed, and there is nothing to hear
        self._status = _STATUS[outcome]
        if outcome == "cut":
            by_voice = progress.reason == "voice"
            reason = "turn_detected" if by_voice else "client_cancelled"
            self._details = {"type": "cancelled", "reason": reason}
        elif outcome == "failed":
            error = {"type": "server_error", "code": code}
            self._details = {"type": "failed", "error": error}
        if self._item is not None:
            self._item.status = "completed" if outcome == "finished" else "incomplete"
            self.made()
            if outcome == "cut":
                self._item.text = progress.heard
                self._emit(
                    "conversation.item.truncated",
                    item_id=self._item_id,
                    content_index=0,
                    audio_end_ms=progress.position_ms,
                )
        self._emit("response.done", response=self._wire())

    def _begin(self) -> Item:
        item = Item(
            self._item_id, "assistant", "output_audio", status="in_progress", marks=self._marks
        )
        self._item = item
        previous = self._items.add(item)
        wire = item.wire()
        self._emit("response.output_item.added", **self._place(), item=wire)
        self._emit("conversation.item.added", previous_item_id=previous, item=wire)
        part = {"type": "audio", "transcript": ""}
        self._emit("response.content_part.added", **self._part_place(), part=part)
        # Items show their content only when they are no longer in progress.
        item.status = "completed"
        return item

    def _send(self, pcm: FloatArray) -> None:
        if len(pcm):
            sound = base64.b64encode(to_s16(pcm).astype("<i2").tobytes()).decode()
            self._emit("response.output_audio.delta", **self._part_place(), delta=sound)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._send(self._resampler[1].flush())
            self._resampler = None

    def _place(self) -> dict[str, Any]:
        return {"response_id": self.id, "output_index": 0}

    def _part_place(self) -> dict[str, Any]:
        return {**self._place(), "item_id": self._item_id, "content_index": 0}

    def _wire(self) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._details,
            "output": [] if self._item is None else [self._item.wire()],
            "output_modalities": ["audio"],
            "audio": {"output": {"format": PCM, "voice": self._voice}},
            "max_output_tokens": "inf",
            "metadata": self._metadata,
            "usage": None,
        }
