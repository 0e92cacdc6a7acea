"""A disk that is full, for a process that runs."""

from __future__ import annotations

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def full_disk(process: int | None = None, room: int = 0) -> Generator[None]:
    """No file of ``process`` (this one by default) may grow past ``room`` bytes.

    Writes then fail as they do on a full disk, only with EFBIG in the place of ENOSPC.
    """
    process = process or os.getpid()
    _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
    before = resource.prlimit(process, resource.RLIMIT_FSIZE, (room, most))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)
