"""A real server in a process of its own, for benchmarks and tests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def running_server(*options: str) -> Generator[str]:
    """Start ``avatar-server serve`` on a free port; yields its URL and stops it afterwards."""
    command = [sys.executable, "-m", "avatar_server", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if not found:
            process.terminate()
            raise RuntimeError(f"the server did not start: {process.communicate()[1]}")
        yield found.group()
    finally:
        process.terminate()
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def status(url: str) -> dict[str, Any]:
    """What ``/api/status`` says."""
    answer: dict[str, Any] = httpx.get(f"{url}/api/status", timeout=10).json()
    return answer
