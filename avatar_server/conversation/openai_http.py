"""The HTTP client of all engines that use an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from avatar_server.conversation.engines import EngineUnavailableError

_CONNECT_SECONDS: Final = 5.0
_MAX_ERROR_BYTES: Final = 4_096


class EndpointError(RuntimeError):
    """A request to the endpoint failed; the message says why and what to do."""


class Endpoint:
    """One base address such as ``http://127.0.0.1:11434/v1``; connections are pooled.

    A request fails when the endpoint is silent for ``stall`` seconds.
    """

    def __init__(self, url: str, api_key: str, stall: float) -> None:
        if not url:
            raise EngineUnavailableError(
                "no endpoint is set; give the option 'url', for example "
                "http://127.0.0.1:11434/v1 of a local Ollama"
            )
        if not url.startswith(("http://", "https://")):
            raise EngineUnavailableError(f"the option 'url' must be an http address, not {url!r}")
        self._url = url.rstrip("/")
        self._stall = stall
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(stall, connect=min(_CONNECT_SECONDS, stall)),
        )

    @asynccontextmanager
    async def post(self, path: str, body: dict[str, Any]) -> AsyncGenerator[httpx.Response]:
        """The response to ``body``, to be read as it streams in; raises :class:`EndpointError`,
        also for errors while it is read inside the context."""
        url = f"{self._url}/{path}"
        try:
            async with self._client.stream("POST", url, json=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise EndpointError(await _refusal(url, response))
                yield response
        except httpx.ConnectTimeout as error:
            raise EndpointError(f"{url} cannot be reached: no connection in time") from error
        except httpx.TimeoutException as error:
            raise EndpointError(f"{url} was silent for {self._stall:g} s; try again") from error
        except httpx.ConnectError as error:
            raise EndpointError(
                f"{url} cannot be reached ({error}); is the server running there?"
            ) from error
        except httpx.HTTPError as error:
            raise EndpointError(f"{url} broke off in the middle ({error}); try again") from error

    async def aclose(self) -> None:
        await self._client.aclose()


async def _refusal(url: str, response: httpx.Response) -> str:
    """The message for an error status: what the endpoint said, and what to do about it."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= _MAX_ERROR_BYTES:
            break
    status = response.status_code
    match status:
        case 401 | 403:
            advice = "check the option 'api_key'"
        case 404:
            advice = "check the options 'url' (it often ends with /v1) and 'model'"
        case 429:
            advice = "it is busy or the quota is used up; try again later"
        case _ if status >= 500:
            advice = "the fault is on its side; look into its log and try again"
        case _:
            advice = "check the options of the engine"
    said = _message(body[:_MAX_ERROR_BYTES])
    return f"{url} answered {status}{f' ({said})' if said else ''}; {advice}"


def _message(body: bytes) -> str:
    """The text of an error body, in any of the forms that servers use."""
    text = body.decode(errors="replace").strip()
    try:
        said = json.loads(text)
    except ValueError:
        return "" if text.startswith("<") else text[:200]
    if isinstance(said, dict):
        said = said.get("error", said.get("detail", said.get("message", "")))
    if isinstance(said, dict):
        said = said.get("message", "")
    return str(said)[:200]
