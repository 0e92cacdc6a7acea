"""Drives the real page in a real Chromium, for the tests named ``test_page_*``."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# The lower face on the portraits that ship, as fractions of the picture.
MOUTH = {"left": 0.38, "top": 0.54, "width": 0.24, "height": 0.16}

# Brings up a canvas that sees the mouth on every frame shown, for `seconds`, and returns how much
# its pixels vary over that time: the mean over the pixels of their standard deviation.
MOUTH_VARIATION = """async ([box, seconds]) => {
  const video = document.getElementById("video");
  const canvas = new OffscreenCanvas(48, 32);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const size = video.videoWidth;
  const count = canvas.width * canvas.height;
  const sum = new Float64Array(count);
  const squares = new Float64Array(count);
  let frames = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    context.drawImage(video, box.left * size, box.top * size, box.width * size, box.height * size,
      0, 0, canvas.width, canvas.height);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    for (let i = 0; i < count; i++) {
      const luma = 0.3 * data[4 * i] + 0.59 * data[4 * i + 1] + 0.11 * data[4 * i + 2];
      sum[i] += luma;
      squares[i] += luma * luma;
    }
    frames += 1;
  }
  let deviation = 0;
  for (let i = 0; i < count; i++) {
    deviation += Math.sqrt(Math.max(0, squares[i] / frames - (sum[i] / frames) ** 2));
  }
  return deviation / count;
}"""

# The highest level of the avatar's sound during `seconds`, by the browser's own statistics.
LOUDEST = """async (seconds) => {
  let loudest = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    loudest = Math.max(loudest, (await avatarClient.stats()).audioLevel ?? 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return loudest;
}"""


@contextmanager
def chromium(*flags: str) -> Generator[Browser]:
    """A headless Chromium; skips the test where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--disable-component-update",
                "--use-fake-device-for-media-stream",
                *flags,
            ],
        )
        try:
            yield launched
        finally:
            launched.close()


def microphone_flags(wav: Path) -> tuple[str, ...]:
    """Flags for a microphone that hears ``wav`` and that nobody is asked about."""
    return ("--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={wav}")


@contextmanager
def opened_page(browser: Browser, url: str, **options: Any) -> Generator[Page]:
    """The page in a window of its own; fails on any error in its scripts."""
    context = browser.new_context(**options)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(url)
        page.wait_for_function("window.avatarClient !== undefined")
        yield page
        assert errors == []
    finally:
        context.close()


def connect(page: Page, *, conversation: bool = False) -> str:
    """Click, and wait for the picture; returns the connection's ``pc_id``.

    Without ``conversation`` the avatar only speaks what it is given.
    """
    page.check("#mode-conversation" if conversation else "#mode-speak")
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.click("#connect")
    page.wait_for_function("document.body.dataset.state === 'connected'")
    page.wait_for_function("document.getElementById('video').currentTime > 0")
    return str(answer.value.json()["pc_id"])


def lose_connection(server_url: str, pc_id: str) -> None:
    """End the session on the server, behind the page's back."""
    httpx.delete(f"{server_url}/api/offer/{pc_id}").raise_for_status()


def block_sound(page: Page) -> None:
    """Refuse to play sound, as browsers do before a click, until ``blocked`` is false."""
    page.evaluate(
        """() => {
          const play = HTMLMediaElement.prototype.play;
          window.blocked = true;
          HTMLMediaElement.prototype.play = function () {
            return blocked && !this.muted
              ? Promise.reject(new DOMException("no click yet", "NotAllowedError"))
              : play.call(this);
          };
        }"""
    )


def say(page: Page, text: str) -> None:
    """Type and press Enter."""
    page.fill("#text", text)
    page.press("#text", "Enter")


def wait_speaking(page: Page, speaking: bool, timeout: float = 15.0) -> None:
    wanted = "true" if speaking else "false"
    page.wait_for_function(f"avatarClient.speaking === {wanted}", timeout=timeout * 1000)


def mouth_variation(page: Page, seconds: float) -> float:
    """How much the pixels around the mouth vary (grey levels) over ``seconds``."""
    return float(page.evaluate(MOUTH_VARIATION, [MOUTH, seconds]))


def loudest(page: Page, seconds: float) -> float:
    """The highest level (0 to 1) of the sound received during ``seconds``."""
    return float(page.evaluate(LOUDEST, seconds))
