"""How long garbage collection stops the interpreter.

    python -m benchmarks.collection --json

With the built-in models and avatars loaded and the garbage of a few sessions in memory, full
collections are timed: first with Python's defaults, then as in the server, which hides what was
loaded from the collector (``gc.freeze``). ``ms`` is the median and ``ratio`` the second relative to
the first; ``full_collections`` counts those that run while the garbage of a hundred sessions is
made.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from typing import Any

from avatar_server.embedded import embedded_models
from avatar_server.memory import freeze_models
from benchmarks.report import Results, show
from renderer.library import avatar_names

_OBJECTS = 3_000
"""About how many objects in reference cycles a session leaves behind."""


def garbage(objects: int) -> None:
    """Make reference cycles, which only the collector can free."""
    for _ in range(objects // 2):
        one: dict[str, Any] = {}
        one["other"] = {"one": one}


def collections(rounds: int) -> dict[str, float]:
    """Median milliseconds of a full collection, and how many ran by themselves."""
    times = []
    for _ in range(rounds):
        garbage(_OBJECTS)
        began = time.perf_counter()
        gc.collect()
        times.append((time.perf_counter() - began) * 1e3)
    before = gc.get_stats()[2]["collections"]
    for _ in range(100):
        garbage(_OBJECTS)
    full = gc.get_stats()[2]["collections"] - before
    return {"ms": statistics.median(times), "worst_ms": max(times), "full_collections": full}


def run(rounds: int) -> Results:
    """Flat results; see the module for what they mean."""
    models = embedded_models()
    avatars = [models.avatar(name) for name in avatar_names()]
    usual = collections(rounds)
    freeze_models()
    frozen = collections(rounds)
    results: dict[str, float | int | None] = {"avatars": len(avatars)}
    results |= {f"python.{key}": value for key, value in usual.items()}
    results |= {f"server.{key}": value for key, value in frozen.items()}
    return results | {"ratio": frozen["ms"] / usual["ms"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    show("collection", run(options.rounds), as_json=options.json)


if __name__ == "__main__":
    main()
