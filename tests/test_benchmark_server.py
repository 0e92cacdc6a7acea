"""The server that benchmarks start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import httpx
import pytest

PROGRAM = """
import time
from benchmarks.server import running_server, status
with running_server("--log-level", "warning") as url:
    print(url, status(url)["process"], flush=True)
    time.sleep(60)
"""


def test_it_ends_with_a_benchmark_that_is_told_to_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    ) as own:
        assert own.stdout is not None
        url, server = own.stdout.readline().split()
        own.send_signal(signal.SIGTERM)
        assert own.wait(30) == 128 + signal.SIGTERM
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    with pytest.raises(ProcessLookupError):
        os.kill(int(server), 0)
