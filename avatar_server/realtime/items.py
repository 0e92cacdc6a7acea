"""The items of a conversation, as clients of the Realtime protocol know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from avatar_server.conversation.tts import SpeechChunk
from avatar_server.realtime.events import RealtimeError

MAX_ITEMS: Final = 200
"""Items that are kept; the oldest are forgotten."""


class SoundMarks:
    """A text that is spoken, and where its words lie in the sound."""

    def __init__(self) -> None:
        self.text = ""
        """All of it, whatever was heard."""
        self.seconds = 0.0
        """Length of the sound, as far as it is made."""
        self._words: list[tuple[float, int]] = []
        """Second at which each word begins, and the characters of the text up to its end."""
        self._pieces: dict[int, float] = {}
        """Second at which the piece begins that starts at a character of the text."""

    def add(self, index: int, chunk: SpeechChunk) -> None:
        """``chunk`` is next; its words count from character ``index`` of the text and from the
        first sample of the piece there."""
        began = self._pieces.setdefault(index, self.seconds)
        for word in chunk.words:
            self._words.append((began + word.sample / chunk.rate, index + word.end))
        self.seconds += len(chunk.pcm) / chunk.rate

    def heard(self, seconds: float) -> str:
        """What of the text has sounded after ``seconds``, in whole words."""
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
    """What it says; None for sound that is not recognised yet."""
    status: Literal["in_progress", "completed", "incomplete"] = "completed"
    marks: SoundMarks | None = None
    """Of a turn that the avatar speaks."""

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
    """In the order of the conversation."""

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
