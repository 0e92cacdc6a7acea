"""The personas of a server: the built-in ones, and the documents in a folder."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from avatar_server.conversation.persona import Persona, PersonaError, read_persona

log = logging.getLogger(__name__)

SHIPPED: Final = Path(__file__).parent / "documents"

MAX_PERSONAS: Final = 200
"""Documents in the folder beyond which :meth:`Personas.save` adds none."""


class UnknownPersonaError(LookupError):
    """There is no persona of that name; the message lists those that exist."""


class PersonaConflictError(ValueError):
    """The personas cannot be changed like this; the message says why and what to do."""


class Personas:
    """Personas by name; a document in the folder overrides a built-in one of the same name.

    Those of the folder come first, each part sorted by file name. Tables are replaced, never
    changed, so that other threads may read while one writes.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        shipped: Path = SHIPPED,
        defaults: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """``defaults`` are for fields that a document leaves out (the server's voice, say);
        ``overrides`` replace fields of built-in documents.

        Raises :class:`PersonaError` for a document that is broken.
        """
        self.folder = folder
        self._defaults = dict(defaults or {})
        self._shipped = {
            persona.name: persona.model_copy(update=dict(overrides or {}))
            for persona in map(self._read, _documents(shipped))
        }
        self._stamps: dict[Path, int] = {}
        self._by_file: dict[Path, Persona] = {}
        self._named: dict[str, Persona] = {}
        self._load(strict=True)

    # --- reading --------------------------------------------------------------------------------

    @property
    def named(self) -> Mapping[str, Persona]:
        """All of them by name."""
        return self._named

    def all(self) -> list[Persona]:
        return list(self._named.values())

    def get(self, name: str | None = None, avatar: str | None = None) -> Persona:
        """The persona of that name; raises UnknownPersonaError.

        Without a name it is the first one for ``avatar``, else the first one; among those of the
        folder, or the built-in ones if it has none.
        """
        named = self._named
        if name is None:
            pool = list(self._by_file.values() or self._shipped.values())
            return next((p for p in pool if p.avatar is not None and p.avatar == avatar), pool[0])
        try:
            return named[name]
        except KeyError:
            message = f"there is no persona {name!r}; choose from: {', '.join(named)}"
            raise UnknownPersonaError(message) from None

    def refresh(self) -> None:
        """Read what has changed in the folder; a broken document keeps its former content."""
        self._load(strict=False)

    # --- changing -------------------------------------------------------------------------------

    def save(self, document: Mapping[str, Any], *, new: bool) -> Persona:
        """Write a document to the folder; unless it is ``new``, it replaces that of its name.

        Raises pydantic.ValidationError, and :class:`PersonaConflictError` without a folder, for
        a name that is taken, or when there are too many.
        """
        given = Persona.model_validate(document)
        folder = self._writable()
        self.refresh()
        former = self._file_of(given.name)
        if new and given.name in self._named:
            raise PersonaConflictError(f"there is a persona {given.name!r}; change it with PUT")
        if former is None and len(self._by_file) >= MAX_PERSONAS:
            raise PersonaConflictError(f"there are {MAX_PERSONAS} personas; delete one first")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{given.name}.json"
        _replace(path, given.model_dump_json(indent=2, exclude_unset=True) + "\n")
        if former is not None and former != path:
            former.unlink(missing_ok=True)
        self.refresh()
        return self.get(given.name)

    def delete(self, name: str) -> None:
        """Delete a document of the folder; a built-in one that it overrode is visible again.

        Raises :class:`UnknownPersonaError` and :class:`PersonaConflictError`.
        """
        self.get(name)
        self._writable()
        path = self._file_of(name)
        if path is None:
            raise PersonaConflictError(f"{name!r} ships with the server and cannot be deleted")
        path.unlink(missing_ok=True)
        self.refresh()

    # --- inside ---------------------------------------------------------------------------------

    def _writable(self) -> Path:
        if self.folder is None:
            raise PersonaConflictError(
                "this server keeps no personas; name a folder for them in the setting personas"
            )
        return self.folder

    def _file_of(self, name: str) -> Path | None:
        return next((p for p, persona in self._by_file.items() if persona.name == name), None)

    def _read(self, path: Path) -> Persona:
        return read_persona(path, self._defaults)

    def _load(self, *, strict: bool) -> None:
        found: dict[Path, Persona] = {}
        stamps: dict[Path, int] = {}
        for path in _documents(self.folder):
            try:
                stamps[path] = path.stat().st_mtime_ns
                unchanged = self._stamps.get(path) == stamps[path] and path in self._by_file
                persona = self._by_file[path] if unchanged else self._read(path)
                if any(persona.name == other.name for other in found.values()):
                    raise PersonaError(f"{path}: there are two personas named {persona.name!r}")
            except (PersonaError, OSError) as error:
                if strict:
                    raise
                log.warning("%s", error)
                if path not in self._by_file:
                    continue
                persona = self._by_file[path]
            found[path] = persona
        own = {persona.name: persona for persona in found.values()}
        self._stamps, self._by_file = stamps, found
        self._named = own | {name: p for name, p in self._shipped.items() if name not in own}


def _documents(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return sorted((*folder.glob("*.toml"), *folder.glob("*.json")))


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees either the former or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".", suffix=".new", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
