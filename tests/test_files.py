"""Files that are replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.files import replacing


def test_two_may_make_a_file_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def write_half(path: Path) -> None:
    with replacing(path) as partial:
        partial.write_text("ha")
        raise ValueError("half")


def test_what_fails_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_text("former")
    with pytest.raises(ValueError, match="half"):
        write_half(path)
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]
