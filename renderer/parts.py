"""The files of an avatar, read from a folder or from a zip archive, within limits.

An archive is never unpacked to disk: only the expected members are read, into memory, up to the
limits below.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

LARGEST_PART: Final = 24 << 20
"""Bytes that one file of an avatar may have."""
LARGEST_AVATAR: Final = 64 << 20
"""Bytes that all files of an avatar may have together, unpacked."""

_UNREADABLE: Final = (
    OSError, EOFError, ValueError, NotImplementedError, struct.error, zipfile.BadZipFile,
    zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What :mod:`zipfile` raises for damaged or unsupported archives."""


class PartsError(ValueError):
    """Files of an avatar cannot be read; the text says which and why."""


class Parts(Protocol):
    """Where the files of one avatar are read from."""

    def where(self, name: str) -> str:
        """The file ``name`` as it appears in messages."""

    def read(self, name: str) -> bytes:
        """Content of the file ``name``; raises :class:`PartsError`."""


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def where(self, name: str) -> str:
        return str(self._folder / name)

    def read(self, name: str) -> bytes:
        path = self._folder / name
        if not path.is_file():
            raise PartsError(f"{path} is missing; is {self._folder} an avatar?")
        if path.stat().st_size > LARGEST_PART:
            raise PartsError(f"{path} is larger than {LARGEST_PART >> 20} MiB")
        try:
            return path.read_bytes()
        except OSError as error:
            raise PartsError(f"{path} cannot be read: {error}") from error


class _Archive:
    def __init__(self, whole: str, archive: zipfile.ZipFile, names: Sequence[str]) -> None:
        """``whole`` is the archive as it appears in messages."""
        self._whole, self._archive = whole, archive
        total = 0
        for member in archive.infolist():
            if member.filename not in names:
                raise PartsError(
                    f"{whole} holds {member.filename!r}, which is no part of an avatar"
                )
            if member.flag_bits & 1:
                raise PartsError(f"{whole} is encrypted")
            if member.file_size > LARGEST_PART:
                raise PartsError(
                    f"{self.where(member.filename)} is larger than {LARGEST_PART >> 20} MiB"
                )
            total += member.file_size
        if total > LARGEST_AVATAR:
            raise PartsError(f"{whole} unpacks to more than {LARGEST_AVATAR >> 20} MiB")

    def where(self, name: str) -> str:
        return f"{self._whole}:{name}"

    def read(self, name: str) -> bytes:
        try:
            member = self._archive.getinfo(name)
        except KeyError as error:
            raise PartsError(f"{self.where(name)} is missing") from error
        try:
            with self._archive.open(member) as stream:
                content = stream.read(member.file_size + 1)
        except _UNREADABLE as error:
            raise PartsError(f"{self.where(name)} cannot be read: {error}") from error
        if len(content) != member.file_size:
            raise PartsError(f"{self.where(name)} is not as long as the archive says")
        return content


@contextmanager
def open_parts(place: Path | bytes, names: Sequence[str]) -> Iterator[Parts]:
    """The files of an avatar in a folder, or in a zip (its content, if bytes) that holds no others
    than ``names``.

    Raises :class:`PartsError`.
    """
    if isinstance(place, Path) and not place.is_file():
        yield _Folder(place)
        return
    whole = "the file" if isinstance(place, bytes) else str(place)
    try:
        archive = zipfile.ZipFile(io.BytesIO(place) if isinstance(place, bytes) else place)
    except _UNREADABLE as error:
        raise PartsError(f"{whole} is not an avatar: {error}") from error
    with archive:
        yield _Archive(whole, archive, names)


def is_archive(content: bytes) -> bool:
    """Whether ``content`` says that it is a zip."""
    return content[:4] == b"PK\x03\x04"


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip of ``files``; the same files always give the same bytes."""
    # PNG and float maps hardly shrink further, so members are stored as they are.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return buffer.getvalue()
