"""The library of avatars: the built-in ones and those that users add."""

from __future__ import annotations

import errno
import itertools
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from renderer.avatar import EmbeddedAvatar, load_avatar, prepare
from renderer.contract import UnknownAvatarError
from renderer.decoder import EmbeddedRenderer
from renderer.parts import packed
from renderer.portrait import (
    DESCRIPTION,
    NAME,
    THUMBNAIL,
    Portrait,
    PortraitError,
    Source,
    Summary,
    checked_title,
    encoded,
    read_portrait,
    read_source,
    read_summary,
)
from renderer.still import still

BUILT_IN = Path(__file__).parent / "data"

SUFFIX = ".avatar"
"""Ending of the name of an avatar in one file."""


class LibraryError(ValueError):
    """The library refuses a change; the message says why."""


class NameTakenError(LibraryError):
    """There is an avatar of this name already."""


def user_folder() -> Path:
    """The platform's folder for this user's avatars."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "avatar-server" / "avatars"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an avatar before its pictures are read."""

    name: str
    title: str
    """Its name if its description cannot be read."""
    stamp: str
    """See :meth:`Library.stamp`."""
    built_in: bool
    editable: bool
    """Whether it can be made anew from its picture."""


class Library:
    """Avatars by name: the built-in ones, and those in ``folder``, which need not exist yet.

    A user's avatar is a subfolder or a ``.avatar`` file of its name. Built-in names are taken.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = user_folder() if folder is None else folder

    def names(self) -> list[str]:
        """Names of all avatars, sorted."""
        return sorted({*_names_in(BUILT_IN), *_names_in(self.folder)})

    def built_in(self, name: str) -> bool:
        """Whether ``name`` ships with the server; such avatars are not deleted or replaced."""
        return _place_in(BUILT_IN, name) is not None

    def portrait(self, name: str) -> Portrait:
        """The portrait of an avatar.

        Raises :class:`~renderer.contract.UnknownAvatarError` or
        :class:`~renderer.portrait.PortraitError`.
        """
        return read_portrait(self.place(name))

    def listed(self) -> list[Entry]:
        """All avatars, sorted by name."""
        found = []
        for name in self.names():
            with suppress(UnknownAvatarError):  # deleted just now
                found.append(self.entry(name))
        return found

    def entry(self, name: str) -> Entry:
        """What is known of one avatar.

        Raises :class:`~renderer.contract.UnknownAvatarError`.
        """
        built_in, stamp = self.built_in(name), self.stamp(name)
        try:
            summary = read_summary(self.place(name))
        except PortraitError:
            summary = Summary(title=name, from_picture=False)
        editable = summary.from_picture and not built_in
        return Entry(name, summary.title, stamp, built_in, editable)

    def source(self, name: str) -> Source | None:
        """The picture that an avatar was made from; raises as :meth:`portrait` does."""
        return read_source(self.place(name))

    def thumbnail(self, name: str) -> bytes | None:
        """A JPEG of an avatar at rest; None where no present one was kept with it.

        Raises :class:`~renderer.contract.UnknownAvatarError`.
        """
        place = self.place(name)
        file = place / THUMBNAIL
        try:
            if not self.built_in(name) and _changed(file) < _changed(place / DESCRIPTION):
                return None  # it was written by other means than :meth:`save`
            return file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stamp(self, name: str) -> str:
        """A text that changes whenever the avatar of that name does.

        Raises :class:`~renderer.contract.UnknownAvatarError`.
        """
        place = self.place(name)
        file = place / DESCRIPTION if place.is_dir() else place
        try:
            return f"{_changed(file):x}"
        except FileNotFoundError as error:  # deleted just now
            raise UnknownAvatarError(name, self.names()) from error

    def open(self, name: str, size: int = 512) -> EmbeddedAvatar:
        """The avatar ``name`` prepared for ``size`` pixels; raises as :meth:`portrait` does."""
        return load_avatar(self.place(name), size)

    def check_new(self, name: str) -> None:
        """Raise :class:`LibraryError` unless a new avatar may have this name."""
        self._check(name)
        if name in self.names():
            raise _taken(name)

    def free_name(self, title: str) -> str:
        """A name for a new avatar that people will call ``title``."""
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("0123456789-")[:26] or "avatar"
        taken = self.names()
        candidates = (base if i == 1 else f"{base}-{i}" for i in itertools.count(1))
        return next(
            name for name in candidates if name not in taken and not (self.folder / name).exists()
        )

    def save(self, portrait: Portrait, *, new: bool = False) -> None:
        """Keep a user's portrait; it replaces one of the same name.

        Raises :class:`LibraryError` if its name is invalid or a built-in avatar's, or its title is
        invalid, :class:`~renderer.portrait.PortraitError` if it cannot be drawn, and
        :class:`NameTakenError` if it is to be ``new`` and its name is taken, even by an avatar that
        came a moment ago.
        """
        self._check(portrait.name)
        try:
            checked_title(portrait.title)
        except ValueError as error:
            raise LibraryError(str(error)) from error
        # The description comes before the thumbnail, which then is not older.
        thumbnail = still(EmbeddedRenderer(), prepare(portrait))
        files = {**encoded(portrait), THUMBNAIL: thumbnail}
        self.folder.mkdir(parents=True, exist_ok=True)
        # Complete under another name first: no reader ever sees half an avatar.
        with self._scratch() as scratch:
            made = scratch / portrait.name
            made.mkdir()
            for name, content in files.items():
                (made / name).write_bytes(content)
            if new:
                self.check_new(portrait.name)
                if not self._take_place(made):
                    raise _taken(portrait.name)
            else:
                self._set_aside(portrait.name, scratch)
                while not self._take_place(made):  # another process has replaced it meanwhile
                    self._set_aside(portrait.name, scratch)

    def add(self, path: Path) -> str:
        """Check an avatar's folder or ``.avatar`` file and keep a copy of it; returns its name.

        Raises :class:`~renderer.portrait.PortraitError` or :class:`LibraryError`.
        """
        portrait = read_portrait(path)
        self.save(portrait)
        return portrait.name

    def export(self, name: str, path: Path) -> None:
        """Write an avatar to one ``.avatar`` file; raises as :meth:`portrait` does."""
        path.write_bytes(packed(encoded(self.portrait(name))))

    def delete(self, name: str) -> None:
        """Delete a user's avatar.

        Raises :class:`~renderer.contract.UnknownAvatarError`, :class:`LibraryError` for a
        built-in one, OSError where it cannot be deleted.
        """
        if self.built_in(name):
            raise LibraryError(f"{name!r} ships with the server and cannot be deleted")
        self.place(name)
        with self._scratch() as scratch:
            self._set_aside(name, scratch)

    def place(self, name: str) -> Path:
        """The folder or file of an avatar; raises
        :class:`~renderer.contract.UnknownAvatarError`.
        """
        found = _place_in(BUILT_IN, name) or _place_in(self.folder, name)
        if found is None:
            raise UnknownAvatarError(name, self.names())
        return found

    def _check(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise LibraryError(
                f"{name!r} is no name for an avatar; use up to 32 of a-z, 0-9 and -, "
                "the first a letter"
            )
        if self.built_in(name):
            raise NameTakenError(f"{name!r} ships with the server; choose another name")

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as scratch:
            yield Path(scratch)

    def _take_place(self, made: Path) -> bool:
        """Move a new avatar to its place in the library; False if that is taken."""
        try:
            made.rename(self.folder / made.name)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                return False
            raise
        return True

    def _set_aside(self, name: str, scratch: Path) -> None:
        """Move an avatar to ``scratch``, so that nobody reads half of it."""
        aside = Path(tempfile.mkdtemp(dir=scratch))
        for path in (self.folder / name, self.folder / f"{name}{SUFFIX}"):
            with suppress(FileNotFoundError):  # never there, or another process was quicker
                path.rename(aside / path.name)


def _taken(name: str) -> NameTakenError:
    return NameTakenError(f"there is an avatar {name!r} already; choose another name")


def _changed(file: Path) -> int:
    """When it was written last, in nanoseconds."""
    return file.stat().st_mtime_ns


def avatar_names() -> list[str]:
    """Names of the avatars that ship with the server, sorted."""
    return sorted(_names_in(BUILT_IN))


def open_avatar(name: str, size: int = 512) -> EmbeddedAvatar:
    """The built-in avatar ``name`` prepared for ``size`` pixels.

    Raises :class:`~renderer.contract.UnknownAvatarError`.
    """
    known = avatar_names()
    if name not in known:
        raise UnknownAvatarError(name, known)
    return load_avatar(BUILT_IN / name, size)


def _place_in(folder: Path, name: str) -> Path | None:
    """Where ``folder`` holds the avatar ``name``, if it does."""
    if not NAME.fullmatch(name):
        return None
    subfolder, file = folder / name, folder / f"{name}{SUFFIX}"
    if (subfolder / DESCRIPTION).exists():
        return subfolder
    return file if file.is_file() else None


def _names_in(folder: Path) -> set[str]:
    folders = {path.parent.name for path in folder.glob(f"*/{DESCRIPTION}")}
    files = {path.stem for path in folder.glob(f"*{SUFFIX}") if path.is_file()}
    return {name for name in folders | files if NAME.fullmatch(name)}
