"""Fixtures that several test files use: a real server, a real browser."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from browser import chromium
from playwright.sync_api import Browser

from benchmarks.server import running_server


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
