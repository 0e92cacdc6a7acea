"""Who may ask what: keys, session tokens, origins and rates, over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from avatar_server.access import FOR_SESSION_TOKENS
from tests.webrtc_browser import Browser, browser, running

__all__ = ["browser"]

KEY = {"Authorization": "Bearer key"}


async def token_for(http: httpx.AsyncClient, **wanted: object) -> dict[str, str]:
    response = await http.post("/v1/tokens", json=wanted, headers=KEY)
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    return {"Authorization": f"Bearer {response.json()['token']}"}


async def test_a_session_token_opens_a_session_and_nothing_more(
    browser: Callable[..., Browser],
) -> None:
    async with running(token="key") as (_, http):
        token = await token_for(http)
        body = {"sdp": await browser().offer(), "type": "offer"}
        assert (await http.post("/api/offer", json=body, headers=token)).status_code == 200
        for path in FOR_SESSION_TOKENS[:2]:
            assert (await http.get(path, headers=token)).status_code == 200
        for path in ("/api/status", "/metrics"):
            assert (await http.get(path, headers=token)).status_code == 403
            assert (await http.get(path)).status_code == 401
            assert (await http.get(path, headers=KEY)).status_code == 200
        assert (await http.post("/v1/tokens", json={}, headers=token)).status_code == 403
        event = await http.post("/v1/sessions/x/events", content="{}", headers=token)
        assert event.status_code == 403


async def test_a_token_is_bound_to_its_avatar(browser: Callable[..., Browser]) -> None:
    async with running(token="key") as (_, http):
        token = await token_for(http, avatar="flat")
        body = {"sdp": await browser().offer(), "type": "offer", "avatar": "mira"}
        refused = await http.post("/api/offer", json=body, headers=token)
        assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
        assert (await http.get("/api/config", headers=token)).json()["avatar"] == "flat"
        del body["avatar"]
        assert (await http.post("/api/offer", json=body, headers=token)).status_code == 200


async def test_limits_follow_the_client_that_a_token_names(
    browser: Callable[..., Browser],
) -> None:
    async with running(token="key", max_sessions_per_client=1) as (_, http):
        anna, bob = await token_for(http, client="anna"), await token_for(http, client="bob")
        body = {"sdp": await browser().offer(), "type": "offer"}
        assert (await http.post("/api/offer", json=body, headers=anna)).status_code == 200
        again = await http.post("/api/offer", json=body, headers=anna)
        assert (again.status_code, again.json()["error"]) == (429, "client_limit")
        assert int(again.headers["retry-after"]) > 0
        assert (await http.post("/api/offer", json=body, headers=bob)).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"seconds": 0}, 400),
        ({"seconds": 100_000}, 400),
        ({"avatar": "nobody"}, 404),
        ({"client": ""}, 400),
        ({"admin": True}, 400),
    ],
)
async def test_wrong_requests_for_tokens(body: dict[str, object], status: int) -> None:
    async with running(token="key") as (_, http):
        response = await http.post("/v1/tokens", json=body, headers=KEY)
        assert response.status_code == status
        assert response.json()["message"]


async def test_an_open_server_mints_no_tokens() -> None:
    async with running() as (_, http):
        assert (await http.post("/v1/tokens", json={})).status_code == 404


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://[", 403),
        (None, 400),
        ("http://test", 400),
        ("https://friend.example", 400),
        ("https://evil.example", 403),
        ("http://test.evil.example", 403),
        ("null", 403),
    ],
)
async def test_pages_of_other_sites_are_refused(origin: str | None, status: int) -> None:
    async with running(allowed_origins=("https://friend.example",)) as (_, http):
        headers = {} if origin is None else {"Origin": origin}
        response = await http.post("/api/offer", json={}, headers=headers)
        assert response.status_code == status


async def test_too_many_offers_are_told_when_to_come_back() -> None:
    async with running(offers_per_minute=12) as (_, http):
        answers = [(await http.post("/api/offer", json={})).status_code for _ in range(4)]
        assert answers == [400, 400, 429, 429]
        late = await http.post("/v1/whep")
        assert int(late.headers["retry-after"]) > 0
        assert (await http.get("/api/config")).status_code == 200, "reading is free"


async def test_the_token_guards_everything_but_the_page(browser: Callable[..., Browser]) -> None:
    async with running(token="s3cret") as (_, http):
        body = {"sdp": await browser().offer(), "type": "offer"}
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            response = await http.post("/api/offer", json=body, headers=header)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert (await http.post("/v1/whep", headers=header)).status_code == 401
        assert (await http.get("/")).status_code == 200
        response = await http.post(
            "/api/offer", json=body, headers={"Authorization": "Bearer s3cret"}
        )
        assert response.status_code == 200
