"""The conversation items of the Realtime protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from avatar_server.conversation.tts import SpeechChunk
from avatar_server.realtime.events import RealtimeError

MAX_ITEMS: Final = 200
"""Items that are kept; the oldest are forgotten."""


class SoundMarks:
    """A spoken text and the times of its words, to tell how much of it has been heard."""

    def __init__(self) -> None:
        self.text = ""
        """All of the text, heard or not."""
        self.seconds = 0.0
        """Length of the sound generated so far."""
        self._words: list[tuple[float, int]] = []
        """Second at which each word begins, and the characters of the text up to its end."""
        self._pieces: dict[int, float] = {}
        """Second at which each piece starts, by its first character in the text."""

    def add(self, index: int, chunk: SpeechChunk) -> None:
        """Append ``chunk``; its word marks are relative to character ``index`` of the text and to
        the first sample of the piece that starts there."""
        began = self._pieces.setdefault(index, self.seconds)
        for word in chunk.words:
            self._words.append((began + word.sample / chunk.rate, index + word.end))
        self.seconds += len(chunk.pcm) / chunk.rate

    def heard(self, seconds: float) -> str:
        """The text that has been heard after ``seconds``, in whole words."""
        text = self.text
        if self._words:
            ends = [end for begin, end in self._words if begin < seconds]
            return text[: ends[-1]] if ends else ""
        share = seconds / self.seconds if self.seconds else 0.0
        return text if share >= 1 else text[: int(len(text) * share) + 1].rpartition(" ")[0]


ItemKind = Literal["input_text", "input_audio", "output_text", "output_audio"]


@dataclass(slots=True)
class Item:
    """A message of one side."""

    id: str
    role: Literal["user", "assistant", "system"]
    kind: ItemKind
    text: str | None = None
    """Its text; None for sound that is not transcribed yet."""
    status: Literal["in_progress", "completed", "incomplete"] = "completed"
    marks: SoundMarks | None = None
    """Set for turns that the avatar speaks."""

    def wire(self) -> dict[str, Any]:
        name = "transcript" if self.kind.endswith("audio") else "text"
        content = [] if self.status == "in_progress" else [{"type": self.kind, name: self.text}]
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status,
            "role": self.role,
            "content": content,
        }


class Items:
    """The items, in the order of the conversation."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def __getitem__(self, item_id: str) -> Item:
        try:
            return self._items[item_id]
        except KeyError:
            raise RealtimeError(
                "item_not_found", f"there is no item {item_id[:80]!r}", "item_id"
            ) from None

    def before(self, item_id: str) -> list[str]:
        """Ids of the items before one."""
        ids = list(self._items)
        return ids[: ids.index(item_id)]

    @property
    def last(self) -> str | None:
        return next(reversed(self._items), None)

    def add(self, item: Item, previous: str | None = None) -> str | None:
        """Put ``item`` behind ``previous`` ("root" for the very first place), by default at the
        end; returns the id of the item before it.

        Raises :class:`RealtimeError` for an id that is taken and a ``previous`` that is not there.
        """
        if item.id in self._items:
            raise RealtimeError("item_exists", f"there is an item {item.id!r} already", "item.id")
        order = list(self._items.values())
        position = len(order)
        if previous == "root":
            position = 0
        elif previous is not None:
            position = order.index(self[previous]) + 1
        before = order[position - 1].id if position else None
        order.insert(position, item)
        if len(order) > MAX_ITEMS:
            del order[1 if position == 0 else 0]  # never the new one
        self._items = {kept.id: kept for kept in order}
        return before

    def remove(self, item_id: str) -> None:
        """Forget an item; raises :class:`RealtimeError` if there is none."""
        del self._items[self[item_id].id]
