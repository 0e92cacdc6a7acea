"""The HTTP side of a session: configuration, offers, the end; errors in words."""

from __future__ import annotations

import asyncio
import json
import time
from types import TracebackType
from typing import Any, Self

import httpx
from aiortc import RTCIceServer
from pydantic import ValidationError

from streaming.protocol import Answer, Offer, Problem, QueuePlace


class ConnectError(RuntimeError):
    """No connection to the server; the message says why and what to do."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 0,
        retry_after: float | None = None,
        queue: QueuePlace | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """Short name for programs: the server's own, or bad_address, unreachable, stranger,
        no_address, no_path."""
        self.status = status
        """HTTP status of the refusal; 0 if the server was not reached or did not refuse."""
        self.retry_after = retry_after
        """Seconds after which the server asks to be tried again."""
        self.queue = queue
        """A place in the queue of a full server."""


class Signalling:
    """Talks to one server. Use as an async context manager."""

    def __init__(
        self, url: str, token: str | None = None, timeout: float = 10.0, wait: float = 0.0
    ) -> None:
        """Raises :class:`ConnectError` for a bad ``url``, as all methods do."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url
        self._wait = wait
        self.waited = 0.0
        """Seconds spent in the queue of a full server; at most ``wait``."""
        try:
            self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)
        except httpx.InvalidURL as error:
            raise self._bad_address() from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def ice_servers(self) -> list[RTCIceServer]:
        """STUN and TURN servers to use."""
        config = await self._request("GET", "/api/config")
        try:
            return [
                RTCIceServer(server["urls"], server.get("username"), server.get("credential"))
                for server in config.json()["iceServers"]
            ]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._stranger() from error

    async def offer(self, offer: Offer) -> Answer:
        """Send an offer with all its candidates; waits in the queue of a full server."""
        began = time.monotonic()
        while True:
            body = offer.model_dump(exclude_none=True)
            try:
                answer = await self._request("POST", "/api/offer", body)
            except ConnectError as error:
                if error.queue is None:
                    raise
                ticket = error.queue.ticket
                if not await self._turn(ticket, self._wait - (time.monotonic() - began)):
                    raise
                offer = offer.model_copy(update={"ticket": ticket})
                self.waited = time.monotonic() - began
                continue
            try:
                return Answer.model_validate_json(answer.content)
            except ValidationError as error:
                raise self._stranger() from error

    async def _turn(self, ticket: str, seconds: float) -> bool:
        """Wait in the queue for our turn; False if that takes longer than ``seconds``."""
        path = f"/api/queue/{ticket}"
        headers = {"Accept": "text/event-stream"}
        try:
            async with (
                asyncio.timeout(max(0.0, seconds)),
                self._http.stream("GET", path, headers=headers) as response,
            ):
                async for line in response.aiter_lines():
                    if line.startswith("data:") and json.loads(line[5:]).get("ready", False):
                        break
        except TimeoutError:
            await self._request("DELETE", path)
            return False
        except httpx.HTTPError:
            return True  # the next offer says what is the matter
        return True

    async def end(self, pc_id: str) -> None:
        """End the session; does nothing if it is over already."""
        try:
            await self._request("DELETE", f"/api/offer/{pc_id}")
        except ConnectError as error:
            if error.status not in (0, 404):
                raise

    async def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        try:
            response = await self._http.request(method, path, json=body)
        except httpx.UnsupportedProtocol as error:
            raise self._bad_address() from error
        except httpx.HTTPError as error:
            raise ConnectError(
                "unreachable",
                f"no server answers at {self._url} ({error or type(error).__name__}). "
                "Start one with `avatar-server serve`, or name another with --url.",
            ) from error
        if response.is_error:
            raise _refusal(response)
        return response

    def _bad_address(self) -> ConnectError:
        message = f"{self._url!r} is not an address; give one like http://127.0.0.1:8080"
        return ConnectError("bad_address", message)

    def _stranger(self) -> ConnectError:
        message = f"what answers at {self._url} is no avatar server; name another with --url"
        return ConnectError("stranger", message)


def _refusal(response: httpx.Response) -> ConnectError:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:  # an answer of something between us and the server
        problem = Problem(error=f"http_{response.status_code}", message=response.reason_phrase)
    retry = response.headers.get("Retry-After", "")
    return ConnectError(
        problem.error,
        f"the server refused: {problem.message}",
        response.status_code,
        float(retry) if retry.isdecimal() else None,
        problem.queue,
    )
