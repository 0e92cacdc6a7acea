"""The files of the page, as browsers get them."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from avatar_server import page


@pytest.mark.parametrize("path", ["/", "/app.js", "/studio", "/selftest"])
def test_browsers_ask_again_so_that_no_two_versions_mix(path: str) -> None:
    browser = TestClient(Starlette(routes=page.routes()))
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


def test_what_has_not_changed_is_not_sent_again() -> None:
    browser = TestClient(Starlette(routes=page.routes()))
    known = {"If-None-Match": browser.get("/app.js").headers["etag"]}
    answer = browser.get("/app.js", headers=known)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["cache-control"] == "no-cache"
