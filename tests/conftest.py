"""Fixtures that several test files use: a real server, a real browser."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser

from benchmarks.server import running_server
from tests.browser import chromium


def pytest_configure() -> None:
    # Small networks gain nothing from a second thread and wait for it on a busy machine.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def all_cores() -> Generator[None]:
    """This process' share of the cores for torch, for networks of full size."""
    import torch

    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """Address of a server in a process of its own."""
    with running_server("--log-level", "warning") as url:
        yield url


# Playwright's synchronous interface keeps an event loop running, in which the tests of other
# files could not start theirs: the browser ends with the file that uses it.
@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """A browser without a microphone of its own."""
    with chromium() as launched:
        yield launched
