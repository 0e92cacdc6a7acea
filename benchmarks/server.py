"""A real server in a process of its own, for benchmarks and tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def _ending_on_sigterm() -> Generator[None]:
    """Let SIGTERM end the program as SIGINT does, so that it stops what it started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def running_server(*options: str, **settings: object) -> Generator[str]:
    """Start ``avatar-server serve`` on a free port; yields its URL and stops it afterwards.

    ``options`` are command-line flags, ``settings`` go into the environment.
    """
    command = [sys.executable, "-m", "avatar_server", "serve", "--port", "0", *options]
    environment = {"AVATAR_DRAIN_SECONDS": "0"}
    environment |= {f"AVATAR_{name.upper()}": str(value) for name, value in settings.items()}
    # Not a pipe: nobody reads it, and a full one would stop the server.
    with _ending_on_sigterm(), tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            bufsize=1,
            env={**os.environ, **environment},
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            if not found:
                process.wait(15)
                errors.seek(0)
                raise RuntimeError(f"the server did not start: {errors.read()}")
            yield found.group()
        finally:
            process.terminate()
            try:
                process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@contextmanager
def server_at(url: str | None, *options: str) -> Generator[str]:
    """The running server at ``url``, or a :func:`running_server` of our own if that is None."""
    if url:
        yield url
        return
    with running_server(*options) as started:
        yield started


def status(url: str) -> dict[str, Any]:
    """What ``/api/status`` says."""
    answer: dict[str, Any] = httpx.get(f"{url}/api/status", timeout=10).json()
    return answer
