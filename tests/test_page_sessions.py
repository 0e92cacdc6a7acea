"""What pages leave behind on the server when they go: nothing."""

from __future__ import annotations

import time

from browser import connect, opened_page
from playwright.sync_api import Browser

from benchmarks.server import running_server, status


def settled(url: str, sessions: int, tasks: int, timeout: float = 10.0) -> bool:
    """Whether the server comes to have ``sessions`` and no more than ``tasks``."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        now = status(url)
        if now["sessions"] == sessions and now["tasks"] <= tasks:
            return True
        time.sleep(0.1)
    return False


def test_reloads_leave_one_session_and_closing_none(browser: Browser) -> None:
    with running_server("--log-level", "warning") as url:
        idle = status(url)["tasks"]
        with opened_page(browser, url) as page:
            for _ in range(3):
                connect(page)
                page.reload()
                page.wait_for_function("window.avatarClient !== undefined")
            connect(page)
            assert settled(url, sessions=1, tasks=10_000)
        assert settled(url, sessions=0, tasks=idle)


def test_ten_quick_connects_leave_nothing(browser: Browser, server_url: str) -> None:
    assert settled(server_url, sessions=0, tasks=10_000)
    idle = status(server_url)["tasks"]
    with opened_page(browser, server_url) as page:
        for _ in range(10):
            page.evaluate("avatarClient.connect()")
            page.evaluate("avatarClient.close()")
        assert page.inner_text("#status") == "Disconnected"
    assert settled(server_url, sessions=0, tasks=idle)


def test_giving_up_while_connecting_leaves_nothing(browser: Browser, server_url: str) -> None:
    assert settled(server_url, sessions=0, tasks=10_000)
    idle = status(server_url)["tasks"]
    with opened_page(browser, server_url) as page:
        for delay in (0, 5, 20, 50, 100):
            outcome = page.evaluate(
                """(delay) => {
                  const connecting = avatarClient.connect().then(() => "up", (e) => e.code);
                  setTimeout(() => avatarClient.close(), delay);
                  return connecting;
                }""",
                delay,
            )
            assert outcome in ("closed", "not-connected", "up")
            assert page.evaluate("avatarClient.state") in ("closed", "connected")
        page.evaluate("avatarClient.close()")
        # The page is still there: it takes back what was answered too late.
        assert settled(server_url, sessions=0, tasks=idle)
