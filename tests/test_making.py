"""Avatars of users' own pictures, where several make them at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avatar_server.making import Maker, Order
from renderer.library import BUILT_IN, Library, NameTakenError
from renderer.photo.cascade import CascadeDetector
from renderer.photo.portrait import Preparation
from renderer.portrait import read_portrait


@pytest.mark.parametrize("named", [False, True])
def test_who_asked_for_no_name_gets_another_when_one_is_taken_meanwhile(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(tmp_path)
    maker = Maker(library, CascadeDetector(), most=8)
    portrait = read_portrait(BUILT_IN / "finn")

    def prepare(_: bytes, __: None, name: str, title: str, ___: object) -> Preparation:
        made = replace(portrait, name=name, title=title)
        library.save(replace(made, title="Quicker"), new=True)
        return Preparation(made, ())

    monkeypatch.setattr(maker, "prepare", prepare)
    order = Order(b"a picture", name="ada" if named else None, title="Ada")
    if named:
        with pytest.raises(NameTakenError):
            maker.make(order, print)
        assert "ada-2" not in library.names()
    else:
        assert maker.make(order, print).name == "ada-2"
        assert library.portrait("ada-2").title == "Ada"
    assert library.portrait("ada").title == "Quicker"
