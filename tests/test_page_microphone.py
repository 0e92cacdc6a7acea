"""Microphone mode in a real browser: the avatar speaks what the microphone hears."""

from __future__ import annotations

import wave
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from motion.contract import SPEECH_RATE
from tests.browser import (
    chromium,
    connect,
    lose_connection,
    loudest,
    microphone_flags,
    mouth_variation,
    opened_page,
)
from tests.voices import silence, spoken


@pytest.fixture(scope="module")
def talking_browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[Browser]:
    """Its microphone hears somebody talk, over and over."""
    talk = spoken("Hello avatar, how are you today? I am talking about apples and bananas.")
    path: Path = tmp_path_factory.mktemp("microphone") / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SPEECH_RATE)
        sound = np.concatenate((talk, silence(0.3)))
        file.writeframes((sound * 32767).astype(np.int16).tobytes())
    with chromium(*microphone_flags(path)) as launched:
        yield launched


def press_microphone(page: Page, *, on: bool) -> None:
    page.click("#microphone")
    page.wait_for_selector(f"#microphone[aria-pressed={'true' if on else 'false'}]")


def test_the_avatar_speaks_what_the_microphone_hears(
    talking_browser: Browser, server_url: str
) -> None:
    with opened_page(talking_browser, server_url) as page:
        connect(page)
        assert loudest(page, 1.0) < 0.01
        resting = mouth_variation(page, 2.0)

        press_microphone(page, on=True)
        page.wait_for_function("avatarClient.speaking")
        assert page.inner_text("#status") == "Connected, listening"
        assert loudest(page, 3.0) > 0.05
        assert mouth_variation(page, 2.0) > 3 * resting

        press_microphone(page, on=False)
        page.wait_for_function("!avatarClient.speaking")
        page.wait_for_timeout(1000)
        assert loudest(page, 1.0) < 0.01


def test_the_microphone_stays_on_over_a_lost_connection(
    talking_browser: Browser, server_url: str
) -> None:
    with opened_page(talking_browser, server_url) as page:
        pc_id = connect(page)
        press_microphone(page, on=True)
        lose_connection(server_url, pc_id)
        page.wait_for_function("document.body.dataset.state === 'reconnecting'")
        page.wait_for_function("document.body.dataset.state === 'connected'")
        assert page.evaluate("avatarClient.microphone") is True
        page.wait_for_function("avatarClient.speaking")
        assert loudest(page, 4.0) > 0.05


def test_stop_switches_the_microphone_off(talking_browser: Browser, server_url: str) -> None:
    with opened_page(talking_browser, server_url) as page:
        connect(page)
        press_microphone(page, on=True)
        page.wait_for_function("avatarClient.speaking")
        page.keyboard.press("Escape")
        page.wait_for_selector("#microphone[aria-pressed=false]")
        page.wait_for_function("!avatarClient.speaking")
        assert page.inner_text("#status") == "Connected"


def test_the_pickers_list_the_devices(talking_browser: Browser, server_url: str) -> None:
    with opened_page(talking_browser, server_url) as page:
        connect(page)
        press_microphone(page, on=True)
        page.wait_for_function("document.querySelectorAll('#microphones option').length > 1")
        page.click("#settings-open")
        labels = page.locator("#microphones option").all_inner_texts()
        assert any("Fake" in label for label in labels)
        chosen = next(label for label in labels if "Fake" in label)
        page.select_option("#microphones", label=chosen)
        page.wait_for_function("avatarClient.microphone")
        assert page.locator("#speakers option").count() >= 1
