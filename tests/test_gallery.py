"""The avatars that a server has: built-in ones, and those that come and go while it runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from avatar_server.gallery import Gallery
from renderer.contract import UnknownAvatarError
from renderer.library import BUILT_IN, Library
from renderer.portrait import PortraitError, read_portrait


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(Library(tmp_path / "avatars"), largest=128)


def test_built_in_avatars_are_listed_and_opened_once(gallery: Gallery) -> None:
    listed = {avatar.name: avatar for avatar in gallery.listed()}
    assert listed["mira"].title == "Mira"
    assert listed["mira"].stamp == gallery.stamp("mira")
    assert gallery.open("mira") is gallery.open("mira")
    assert gallery.open("mira").size == 128


def test_sessions_choose_the_size_up_to_the_largest(tmp_path: Path) -> None:
    gallery = Gallery(Library(tmp_path), largest=768)
    assert [gallery.open("finn", size).size for size in (None, 256, 768)] == [512, 256, 768]
    assert Gallery(Library(tmp_path), largest=256).open("finn", 768).size == 256


def test_an_avatar_added_from_outside_is_there_at_once(gallery: Gallery) -> None:
    with pytest.raises(UnknownAvatarError, match="'ada'"):
        gallery.open("ada")
    portrait = read_portrait(BUILT_IN / "finn")
    other = Library(gallery.library.folder)
    other.save(replace(portrait, name="ada", title="Ada"))
    first = gallery.open("ada")
    assert first.title == "Ada"
    other.save(replace(portrait, name="ada", title="Ada Two"))
    assert gallery.open("ada").title == "Ada Two"
    assert first.title == "Ada", "sessions keep what they show"
    other.delete("ada")
    with pytest.raises(UnknownAvatarError):
        gallery.open("ada")


def test_a_broken_avatar_is_listed_and_says_what_is_wrong(gallery: Gallery) -> None:
    folder = gallery.library.folder / "ada"
    shutil.copytree(BUILT_IN / "finn", folder)
    (folder / "face.png").unlink()
    assert "ada" in [avatar.name for avatar in gallery.listed()]
    with pytest.raises(PortraitError, match=r"face\.png is missing"):
        gallery.open("ada")
