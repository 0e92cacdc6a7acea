"""Every error answer has one form."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from avatar_server.http import EXCEPTION_HANDLERS


async def fail(_: Request) -> Response:
    raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("POST", "/v1/fail", 405, "method_not_allowed"),
        ("GET", "/v1/fail", 500, "internal_error"),
    ],
)
def test_what_no_route_takes_and_what_fails_is_told_as_json(
    method: str, path: str, status: int, code: str
) -> None:
    routes = [Mount("/v1", routes=[Route("/fail", fail, methods=["GET"])])]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    answer = TestClient(app, raise_server_exceptions=False).request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["message"]
    assert ("allow" in answer.headers) == (status == 405)
