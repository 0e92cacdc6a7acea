"""The page on small screens, by keyboard, in the dark, and for assistive technology."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import connect, opened_page, say, wait_speaking

# Every element that can be operated, with the name that assistive technology reads out.
UNNAMED = """() => [...document.querySelectorAll("button, input, select, textarea")]
  .filter((element) => element.checkVisibility() && !(
    element.ariaLabel || element.labels?.length && element.labels[0].textContent.trim() ||
    element.textContent.trim()))
  .map((element) => element.outerHTML)"""

# The row of avatars may be longer than the screen: it scrolls.
OVERFLOWING = """() => [...document.querySelectorAll("body *:not(#avatars *)")]
  .filter((element) => element.checkVisibility() &&
    element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.id || element.className || element.tagName)"""


def contrast(page: Page, selector: str) -> float:
    """WCAG contrast of an element's text to its own background."""
    ratio: float = page.evaluate(
        """(selector) => {
          const style = getComputedStyle(document.querySelector(selector));
          const context = new OffscreenCanvas(1, 1).getContext("2d");
          const luminance = (colour) => {
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
              const c = byte / 255;
              return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const [dark, light] = [luminance(style.color), luminance(style.backgroundColor)]
            .sort((a, b) => a - b);
          return (light + 0.05) / (dark + 0.05);
        }""",
        selector,
    )
    return ratio


@pytest.mark.parametrize("size", [(360, 640), (360, 800), (768, 1024), (1280, 720), (1920, 1080)])
def test_everything_fits(browser: Browser, server_url: str, size: tuple[int, int]) -> None:
    width, height = size
    with opened_page(
        browser, server_url, viewport={"width": width, "height": height}, reduced_motion="reduce"
    ) as page:
        assert page.evaluate(OVERFLOWING) == []
        connect(page, conversation=True)
        say(page, "What can you do?")
        wait_speaking(page, True)
        assert page.evaluate(OVERFLOWING) == []
        for selector in ("#video", "#stop", "#text", "#send"):
            box = page.locator(selector).bounding_box()
            assert box is not None
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= height + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(browser: Browser, server_url: str, scheme: str) -> None:
    with opened_page(browser, server_url, color_scheme=scheme) as page:
        for selector in ("body", "#status", ".primary.send", "#text", "#connect", "#mood"):
            selector = ".status" if selector == "#status" else selector
            assert contrast(page, selector) >= 4.5, selector


def test_the_theme_button_steps_and_is_remembered(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url, color_scheme="light") as page:

        def background() -> str:
            return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

        by_system = background()
        page.click("#theme")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        assert background() == by_system
        page.click("#theme")
        assert background() != by_system
        dark = background()
        page.reload()
        assert background() == dark
        assert page.get_attribute("#theme", "aria-label") == "Colours: dark"


def test_everything_has_a_name_and_is_reached_by_keyboard(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        assert page.evaluate(UNNAMED) == []
        connect(page)
        assert page.evaluate("document.activeElement.id") == "text"
        assert page.evaluate(UNNAMED) == []
        page.evaluate("document.activeElement.blur()")
        reached = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            name, outline = page.evaluate(
                """() => {
                  const element = document.activeElement;
                  return [element.id, getComputedStyle(element).outlineStyle];
                }"""
            )
            reached.add(name)
            assert not name or outline != "none", name
        wanted = {"microphone", "stop", "mute", "volume", "stats-toggle", "mood", "text", "leave"}
        assert wanted <= reached


def test_figures_are_shown(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        page.click("#stats-toggle")
        for name in ("fps", "bitrate", "round-trip", "offset"):
            page.wait_for_function(
                f"/\\d/.test(document.getElementById('stat-{name}').textContent)"
            )
        # The panel is read anew every second; a busy machine draws less often, and it says so.
        page.wait_for_function(
            """() => {
              const text = document.getElementById("stat-fps").textContent;
              const rate = /^(\\d+) (of (\\d+(\\.\\d)?) )?fps(, server busy)?$/.exec(text);
              return rate && rate[1] > 3 && rate[1] <= 1.25 * (rate[3] ?? 25);
            }"""
        )
        page.click("#stats-toggle")
        assert page.is_hidden("#stats")


def test_text_that_is_too_long_stays_in_the_box(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        page.fill("#text", "a " * 2100)
        assert page.inner_text("#remaining") == "199 too many"
        page.press("#text", "Enter")
        assert page.locator("#transcript li").count() == 0
        assert page.input_value("#text") != ""
        page.fill("#text", "line one")
        page.press("#text", "Shift+Enter")
        assert page.input_value("#text") == "line one\n"


def test_volume_and_mute(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        page.fill("#volume", "30")
        assert page.evaluate("video.volume") == pytest.approx(0.3)
        page.click("#mute")
        assert page.evaluate("video.muted") is True
        assert page.get_attribute("#mute", "aria-pressed") == "true"
        page.fill("#volume", "60")
        assert page.evaluate("video.muted") is False


def test_mood_reaches_the_server(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        page.evaluate(
            "window.errors = [];"
            "avatarClient.addEventListener('error', ({ detail }) => errors.push(detail.code))"
        )
        for mood in page.locator("#mood option").evaluate_all("(all) => all.map((o) => o.value)"):
            page.select_option("#mood", mood)
        page.fill("#intensity", "40")
        page.click("#settings-open")
        page.fill("#head-motion", "0")
        page.fill("#guidance", "150")
        page.click("#reseed")
        page.keyboard.press("Escape")
        page.evaluate("avatarClient.express('hunger')")
        page.wait_for_function("errors.length > 0")
        # Answers come in order: there was none to what was asked before.
        assert page.evaluate("errors") == ["bad_message"]
        assert "hunger" in page.inner_text("#notice")
