"""A user's avatars: kept, packed, moved to another machine; archives that are not to be trusted."""

from __future__ import annotations

import errno
import json
import os
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from motion.keypoints import Keypoint
from renderer.contract import UnknownAvatarError
from renderer.decoder import EmbeddedRenderer
from renderer.library import BUILT_IN, Library, LibraryError, NameTakenError
from renderer.parts import LARGEST_PART
from renderer.portrait import (
    DESCRIPTION,
    FILES,
    SOURCE_FILE,
    THUMBNAIL,
    PortraitError,
    encoded,
    read_portrait,
)
from renderer.still import still


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "avatars")


@cache
def small_files() -> dict[str, bytes]:
    """The files of a small avatar of the name "ada"."""
    portrait = read_portrait(BUILT_IN / "finn")
    layers = {
        name: np.asarray(cv2.resize(layer, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
        for name, layer in portrait.layers.items()
    }
    share = 256 / portrait.picture
    x, y = portrait.pivot
    return encoded(
        replace(
            portrait, name="ada", title="Ada", picture=256, unit=portrait.unit * share,
            pivot=(x * share, y * share), layers=layers,
        )
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with that avatar."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in small_files().items():
        (folder / name).write_bytes(content)
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_folder_that_does_not_exist_holds_no_avatars(library: Library) -> None:
    assert "mira" in library.names()
    assert library.built_in("mira")
    assert not library.folder.exists()


def test_added_exported_and_added_elsewhere(library: Library, source: Path, tmp_path: Path) -> None:
    assert library.add(source) == "ada"
    assert "ada" in library.names()
    library.export("ada", tmp_path / "ada.avatar")
    other = Library(tmp_path / "other")
    assert other.add(tmp_path / "ada.avatar") == "ada"
    before, after = read_portrait(source), other.portrait("ada")
    np.testing.assert_array_equal(after.canonical, before.canonical)
    np.testing.assert_array_equal(after.seam, before.seam)
    for name, layer in before.layers.items():
        np.testing.assert_array_equal(after.layers[name], layer)
    for name, values in before.maps.items():
        np.testing.assert_array_equal(after.maps[name], values)


def test_file_is_used_where_it_lies(library: Library, source: Path) -> None:
    files = encoded(read_portrait(source))
    library.folder.mkdir()
    zipped(library.folder / "ada.avatar", files)
    assert "ada" in library.names()
    assert library.open("ada", 128).title == "Ada"
    library.delete("ada")
    assert "ada" not in library.names()
    assert list(library.folder.iterdir()) == []


def test_replaced_avatar_leaves_nothing_behind(library: Library, source: Path) -> None:
    library.add(source)
    library.add(source)
    assert [path.name for path in library.folder.iterdir()] == ["ada"]
    assert {path.name for path in (library.folder / "ada").iterdir()} == set(FILES) - {SOURCE_FILE}


def test_of_two_who_take_a_name_at_once_one_has_it(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_portrait(source)
    check_new = library.check_new

    def and_then_another_is_quicker(name: str) -> None:
        check_new(name)
        Library(library.folder).save(first, new=True)

    monkeypatch.setattr(library, "check_new", and_then_another_is_quicker)
    with pytest.raises(NameTakenError, match="choose another"):
        library.save(replace(first, title="Late"), new=True)
    assert library.portrait("ada").title == "Ada"
    assert [path.name for path in library.folder.iterdir()] == ["ada"]


@pytest.mark.parametrize("rival", ["deletes", "replaces"])
def test_an_avatar_is_replaced_though_another_process_is_quicker(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch, rival: str
) -> None:
    library.add(source)
    portrait, other, rename = read_portrait(source), Library(library.folder), Path.rename
    acts = ["once"]

    def and_then_another_is_quicker(path: Path, target: Path) -> Path:
        touched = path if rival == "deletes" else target
        if touched == library.folder / "ada" and acts:
            acts.clear()
            if rival == "deletes":
                other.delete("ada")
            else:
                other.save(replace(portrait, title="Quicker"))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", and_then_another_is_quicker)
    library.save(replace(portrait, title="Late"))
    assert not acts
    assert library.portrait("ada").title == "Late"
    assert [path.name for path in library.folder.iterdir()] == ["ada"]


def test_what_is_kept_has_a_thumbnail_as_long_as_it_shows_it(
    library: Library, source: Path
) -> None:
    library.add(source)
    drawn = still(EmbeddedRenderer(), library.open("ada"))
    assert library.thumbnail("ada") == drawn
    description = library.folder / "ada" / DESCRIPTION
    late = description.stat().st_mtime_ns + 10_000_000_000
    os.utime(description, ns=(late, late))
    assert library.thumbnail("ada") is None, "somebody has written it anew by hand"
    (library.folder / "ada" / THUMBNAIL).unlink()
    assert library.thumbnail("ada") is None
    library.delete("ada")
    zipped(library.folder / "ada.avatar", encoded(read_portrait(source)))
    assert library.thumbnail("ada") is None


def test_what_cannot_be_drawn_is_not_kept(library: Library, source: Path) -> None:
    portrait = read_portrait(source)
    with pytest.raises(PortraitError, match="cannot be drawn"):
        library.save(replace(portrait, canonical=np.zeros_like(portrait.canonical)))
    assert not library.folder.exists()


def test_built_in_avatars_are_kept(library: Library) -> None:
    with pytest.raises(LibraryError, match="ships with the server"):
        library.add(BUILT_IN / "mira")
    with pytest.raises(LibraryError, match="cannot be deleted"):
        library.delete("mira")
    assert (BUILT_IN / "mira" / "avatar.json").is_file()


@pytest.mark.parametrize("name", ["nobody", "../mira", ""])
def test_unknown_names(library: Library, name: str) -> None:
    with pytest.raises(UnknownAvatarError):
        library.portrait(name)
    with pytest.raises(UnknownAvatarError):
        library.delete(name)


@pytest.mark.parametrize("name", ["../evil", "Ada", "a b", "", "x" * 33])
def test_names_that_are_no_names(library: Library, source: Path, name: str) -> None:
    path = source / "avatar.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": name}))
    with pytest.raises(PortraitError, match="is no name for an avatar"):
        library.add(source)
    assert not library.folder.exists()


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/passwd", "face.png/x", "virus.exe"])
def test_archive_with_other_members_is_refused(
    library: Library, source: Path, tmp_path: Path, name: str
) -> None:
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    path = zipped(tmp_path / "evil.avatar", {**files, name: b"evil"})
    with pytest.raises(PortraitError, match="no part of an avatar"):
        library.add(path)
    assert not library.folder.exists()


def test_archive_that_unpacks_to_too_much_is_refused(library: Library, tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.avatar", {"face.png": bytes(LARGEST_PART + 1)})
    assert path.stat().st_size < 100_000
    with pytest.raises(PortraitError, match="larger than"):
        library.add(path)


def test_picture_that_claims_to_be_huge_is_not_decoded(library: Library, source: Path) -> None:
    path = source / "hair.png"
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    path.write_bytes(content)
    with pytest.raises(PortraitError, match="60000x60000"):
        library.add(source)


def test_file_that_is_no_archive(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "text.avatar"
    path.write_text("not a zip")
    with pytest.raises(PortraitError, match=r"text\.avatar is not an avatar"):
        library.add(path)


def test_truncated_archive(library: Library, source: Path, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.avatar", encoded(read_portrait(source))).read_bytes()
    path = tmp_path / "half.avatar"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PortraitError, match="is not an avatar"):
        library.add(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_archive_with_damaged_content(library: Library, tmp_path: Path, kind: int) -> None:
    path = tmp_path / "ada.avatar"
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in small_files().items():
            archive.writestr(name, content)
    damaged = bytearray(path.read_bytes())
    begin = damaged.index(DESCRIPTION.encode()) + len(DESCRIPTION) + 9
    damaged[begin : begin + 40] = b"\xff" * 40
    path.write_bytes(damaged)
    with pytest.raises(PortraitError, match="cannot be read"):
        library.add(path)


def test_archive_of_the_future(library: Library, tmp_path: Path) -> None:
    path = zipped(tmp_path / "ada.avatar", small_files())
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 6] = 99  # version that is needed to unpack
    path.write_bytes(content)
    with pytest.raises(PortraitError, match="not an avatar"):
        library.add(path)


def test_what_cannot_be_deleted_is_not_said_to_be(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    library.add(source)
    for name in ("mkdir", "rename", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(OSError, match="Read-only"):
        library.delete("ada")
    monkeypatch.undo()
    assert library.portrait("ada").title == "Ada"


def test_a_title_that_is_no_text_is_refused(library: Library, source: Path) -> None:
    portrait = read_portrait(source)
    with pytest.raises(LibraryError, match="Unicode"):
        library.save(replace(portrait, title="caf\udce9"))
    assert "ada" not in library.names()


def test_incomplete_archive(library: Library, tmp_path: Path) -> None:
    path = zipped(tmp_path / "empty.avatar", {})
    with pytest.raises(PortraitError, match=r"avatar\.json is missing"):
        library.add(path)


def test_all_built_in_avatars_are_complete() -> None:
    for folder in sorted(BUILT_IN.iterdir()):
        portrait = read_portrait(folder)
        assert portrait.name == folder.name
        assert portrait.canonical.shape == (len(Keypoint), 3)
    size = sum(path.stat().st_size for path in BUILT_IN.rglob("*") if path.is_file())
    assert size < 8 << 20
