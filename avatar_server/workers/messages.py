"""The messages between the front and a worker: one JSON object per line of a pipe."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter

from avatar_server.clients import Client
from avatar_server.settings import Settings
from streaming.protocol import QueuePlace


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)

    def line(self) -> bytes:
        return self.model_dump_json().encode() + b"\n"


# --- front to worker ------------------------------------------------------------------------------


class Start(_Message):
    """The first line."""

    number: int
    """The worker's number; ids of its sessions begin with it."""
    path: str
    """Unix socket to serve HTTP at."""
    settings: dict[str, Any]
    """Fields of :class:`Settings`, secrets in clear."""


class Verdict(_Message):
    """Answers the :class:`Enter` of the same ``id``."""

    id: int
    code: str | None = None
    """Code of the :class:`~avatar_server.admission.AdmissionError`; None: admitted."""
    message: str = ""
    queue: QueuePlace | None = None


# --- worker to front ------------------------------------------------------------------------------


class Ready(_Message):
    """HTTP requests are answered from now on."""

    kind: Literal["ready"] = "ready"


class Enter(_Message):
    """May a session begin? See :meth:`avatar_server.admission.Places.enter`."""

    kind: Literal["enter"] = "enter"
    id: int
    client: Client
    ticket: str | None
    waits: bool


class Leave(_Message):
    """A session has ended."""

    kind: Literal["leave"] = "leave"
    client: Client


class Strained(_Message):
    """Whether the worker keeps up with its sessions has changed."""

    kind: Literal["strained"] = "strained"
    now: bool


Report = Ready | Enter | Leave | Strained
REPORT: Final[TypeAdapter[Report]] = TypeAdapter(Annotated[Report, Field(discriminator="kind")])


def open_settings(settings: Settings) -> dict[str, Any]:
    """All fields as JSON has them, secrets in clear."""
    return {name: _plain(value) for name, value in settings.model_dump().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
