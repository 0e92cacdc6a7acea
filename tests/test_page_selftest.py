"""The self-test page in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium

SOON = 60_000
"""ms"""


def self_test(page: Page, url: str) -> dict[str, tuple[str | None, str]]:
    """Verdict and words of each check."""
    page.goto(f"{url}/selftest")
    page.click("#start")
    expect(page.locator("#overall")).to_be_visible(timeout=SOON)
    return {
        line.locator("b").inner_text(): (
            line.get_attribute("data-verdict"),
            line.locator("p").inner_text(),
        )
        for line in page.locator("#checks li").all()
    }


def test_a_browser_that_can_do_all_is_told_so(server_url: str) -> None:
    with chromium("--use-fake-ui-for-media-stream") as browser:
        page = browser.new_page()
        found = self_test(page, server_url)
    verdicts = {name: verdict for name, (verdict, _) in found.items()}
    # A machine that is busy with other tests shows fewer pictures.
    assert verdicts.pop("Connection") in ("good", "warning")
    assert set(verdicts.values()) == {"good"}, found
    assert "VP8" in found["Connection"][1]
    assert "host to" in found["Connection"][1]
    assert "no STUN" in found["Server"][1]


def test_what_is_missing_is_named(browser: Browser, server_url: str) -> None:
    context = browser.new_context(permissions=[])
    page = context.new_page()
    page.route("**/api/offer", lambda route: route.fulfill(status=406, json=REFUSAL))
    page.route("**/api/config", lambda route: route.fulfill(json=CONFIG))
    found = self_test(page, server_url)
    assert found["Relay"][0] == "warning"
    assert found["Connection"] == ("bad", "no video that the server can send")
    assert "Permission" in found["Microphone"][1] or found["Microphone"][0] == "warning"
    expect(page.locator("#overall")).to_contain_text("It will not work")
    context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_fits_and_says_before_what_it_checks(
    browser: Browser, server_url: str, width: int, height: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(f"{server_url}/selftest")
    lines = page.locator("#checks li")
    expect(lines).to_have_count(7)
    assert all(lines.locator("p").all_inner_texts())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width > 1000:
        assert page.evaluate("document.documentElement.scrollHeight") <= height
    context.close()


def test_leaving_in_the_middle_frees_the_place(browser: Browser, server_url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server_url}/selftest")
    with page.expect_response(lambda response: response.request.method == "PATCH"):
        page.click("#start")
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.evaluate("dispatchEvent(new Event('pagehide'))")
    context.close()


@pytest.mark.parametrize(
    ("clipboard", "shown"),
    [("undefined", None), ("{ writeText: async () => {} }", "Copied")],
)
def test_the_result_is_copied_where_the_browser_lets_it(
    browser: Browser, server_url: str, clipboard: str, shown: str | None
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    page.add_init_script("delete window.RTCPeerConnection")  # the test is over at once
    page.goto(f"{server_url}/selftest")
    page.click("#start")
    expect(page.locator("#overall")).to_be_visible()
    copy = page.locator("#copy")
    if shown is None:
        expect(copy).to_be_hidden()
    else:
        copy.click()
        expect(copy).to_have_text(shown)
    context.close()


REFUSAL = {"error": "unsupported_media", "message": "no video that the server can send"}
CONFIG = {
    "avatar": "mira",
    "iceServers": [{"urls": "turn:127.0.0.1:9", "username": "x", "credential": "y"}],
}
