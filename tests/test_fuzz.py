"""Mangled input of every kind, a little of it."""

from __future__ import annotations

from benchmarks.fuzz import readers, run


def test_mangled_input_is_taken_or_refused() -> None:
    found = run(inputs=100)
    assert found["crashes"] == 0
    for name in readers():
        assert found[f"{name}.refused"], name
