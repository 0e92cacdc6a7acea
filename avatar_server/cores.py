"""How many cores this process has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")

_NO_LIMIT: Final = ("max", "-1")


def usable_cores(root: Path = _ROOT) -> int:
    """Cores that this process may run on, in a container no more than it is allowed to use at a
    time; one at least. ``root`` is where the system's files lie."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, int(min([cores, *_quotas(root)])))


def _quotas(root: Path) -> Iterator[float]:
    """Cores that each control group around this process lets it use."""
    system = root / "sys/fs/cgroup"
    for group in _groups(root):
        yield _quota(_read(system / group / "cpu.max"))
    # Version 1, as containers see it.
    yield _quota(" ".join(_read(system / f"cpu/cpu.cfs_{name}_us") for name in ("quota", "period")))


def _groups(root: Path) -> Iterator[Path]:
    """The control group (version 2) of this process and those around it, from the mount point."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::/"):
            group = Path(line.removeprefix("0::/"))
            yield from (group, *group.parents)


def _quota(text: str) -> float:
    """Cores of ``microseconds period``; infinite where that is no limit."""
    words = text.split()
    if len(words) != 2 or words[0] in _NO_LIMIT:
        return math.inf
    return int(words[0]) / int(words[1])


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
