"""Garbage collection in a process that holds sessions, and returning free memory to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

_COLLECT_AFTER: Final = (700, 5, 1)
"""Thresholds of the collector: a full collection after some 8,000 new objects, a few sessions."""


def freeze_models() -> None:
    """Exclude all present objects from garbage collection: they live as long as the process.

    What a session leaves behind holds megabytes and native threads. Without the models a full
    collection takes a few milliseconds, so it runs often from now on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    # The next full collection depends on how many objects survived the last: run one without them.
    release_memory()


def release_memory() -> None:
    """Collect garbage and have the C library give free pages back to the system.

    Takes some 20 ms, in which the event loop stands still; does nothing unless models are frozen,
    as it would take far longer.
    """
    if not gc.get_freeze_count():
        return
    gc.collect()
    # glibc keeps what is free for itself; loading alone leaves a hundred megabytes.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
