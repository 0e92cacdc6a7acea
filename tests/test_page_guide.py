"""The page of docs/browser.md, as somebody would copy it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser import chromium
from tests.fakes import scripted_talking
from tests.live import live_server
from tests.test_docs import DOCS, blocks


def test_the_example_page_talks(tmp_path: Path) -> None:
    (example,) = blocks(DOCS / "browser.md", "html")
    kofi = {"name": "kofi", "avatar": "red", "greeting": "Hi, I am Kofi."}
    (tmp_path / "kofi.json").write_text(json.dumps(kofi))
    with live_server(scripted_talking(folder=tmp_path)) as url, chromium() as browser:
        page = browser.new_page()
        warnings: list[str] = []
        page.on("console", lambda message: warnings.append(message.text))
        page.on("pageerror", lambda error: warnings.append(str(error)))
        html = example.replace("http://127.0.0.1:8080", url)
        assert html.count(url) == 2
        page.route(f"{url}/mine", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(f"{url}/mine")
        page.click("#talk")
        # Nobody allows the microphone here, so that the example writes instead.
        page.wait_for_function(
            "document.getElementById('words').textContent.startsWith('You said: I have no')",
            timeout=30_000,
        )
        page.wait_for_function("document.getElementById('face').videoWidth === 64")
        assert warnings == []
