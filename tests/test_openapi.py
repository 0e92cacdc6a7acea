"""The OpenAPI document: it says what there is, and the server does what it says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from starlette.routing import BaseRoute, Mount, Route

from avatar_server.app import create_app
from avatar_server.openapi import OPERATIONS, openapi
from avatar_server.settings import Settings
from tests.fakes import ToneSpeech, flat_models, scripted_talking
from tests.live import live_server
from tests.webrtc_browser import running

PAGES = {("get", "/studio"), ("get", "/selftest")}


def served(routes: list[BaseRoute], prefix: str = "") -> set[tuple[str, str]]:
    """Method and path of every route."""
    found: set[tuple[str, str]] = set()
    for route in routes:
        if isinstance(route, Mount):
            found |= served(list(route.routes), prefix + route.path)
        elif isinstance(route, Route):
            methods = (route.methods or set()) - {"HEAD"}
            found |= {(method.lower(), prefix + route.path) for method in methods}
    return found


async def test_the_document_lists_the_routes_and_no_others() -> None:
    app = create_app(Settings(avatar="flat"), flat_models(), ToneSpeech(), scripted_talking())
    listed = {
        (method, path) for path, operations in openapi()["paths"].items() for method in operations
    }
    assert listed == served(list(app.routes)) - PAGES
    async with running() as (_, http):
        assert (await http.get("/openapi.json")).json() == openapi()


@schemathesis.serializer(
    "application/sdp", "application/trickle-ice-sdpfrag", "application/zip", "image/webp",
    "image/jpeg", "image/png",
)  # fmt: skip
def as_it_is(_: schemathesis.SerializationContext, value: object) -> bytes:
    return str(value).encode("utf-8", "replace")


def test_no_request_that_the_document_allows_breaks_the_server() -> None:
    budget = settings(
        max_examples=5,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    statuses: Counter[int] = Counter()
    with live_server(token="key", offers_per_minute=None, connect_timeout=0.5) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()

            @budget
            @given(operation.as_strategy())
            def ask(case: schemathesis.Case[Any]) -> None:
                answer = case.call(headers={"Authorization": "Bearer key"}, timeout=20)
                statuses[answer.status_code] += 1
                assert answer.status_code < 500 or answer.status_code == 503, answer.text

            ask()
    assert statuses.total() > 2 * len(OPERATIONS)
    assert {200, 400, 404} <= statuses.keys()
