"""A UDP relay between two WebRTC peers that loses, delays and reorders what passes.

It needs none of the system's own network emulation. Signalling passes through it as well, so the
peers know each other only by the relay's addresses.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from client.http import Signalling
from streaming.protocol import Answer, Offer

_CANDIDATE: Final = re.compile(
    r"^a=candidate:\S+ 1 udp \d+ (?P<host>\d+\.\d+\.\d+\.\d+) (?P<port>\d+) typ host.*$", re.I
)

_QUEUE_SECONDS: Final = 0.3
"""Seconds of traffic that a link of limited rate queues before it drops packets."""

_REORDERED_BY: Final = 0.03
"""Seconds by which a reordered packet is delayed."""

Address = tuple[str, int]


@dataclass(slots=True)
class Impairment:
    """What happens to packets; may be changed at any time."""

    loss: float = 0.0
    """Share of packets that are lost, 0 to 1."""
    delay: float = 0.0
    """Seconds by which every packet is delayed."""
    jitter: float = 0.0
    """Largest random delay in seconds on top of that; packets keep their order."""
    reorder: float = 0.0
    """Share of packets that arrive after later ones."""
    rate: float | None = None
    """Bits per second."""
    blackout: bool = False


class _Link:
    """One direction: decides when, if at all, a packet leaves."""

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self._impairment = impairment
        self._random = random.Random(seed)
        self._free = 0.0
        self._last = 0.0

    def departure(self, size: int, now: float) -> float | None:
        """When a packet of ``size`` bytes that arrives ``now`` leaves; None: never."""
        wanted = self._impairment
        if wanted.blackout or self._random.random() < wanted.loss:
            return None
        at = now
        if wanted.rate is not None:
            self._free = max(self._free, now) + 8 * size / wanted.rate
            if self._free - now > _QUEUE_SECONDS:
                self._free -= 8 * size / wanted.rate
                return None
            at = self._free
        at += wanted.delay + self._random.uniform(0, wanted.jitter)
        if self._random.random() < wanted.reorder:
            return at + _REORDERED_BY
        self._last = max(self._last, at)
        return self._last


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, on_packet: Callable[[bytes, Address], None]) -> None:
        self._on_packet = on_packet

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._on_packet(data, (addr[0], addr[1]))


class Relay:
    """Between one client and one server; made by :meth:`open`."""

    def __init__(self, impairment: Impairment, seed: int = 0) -> None:
        self.up, self.down = replace(impairment), replace(impairment)
        self._up = _Link(self.up, 2 * seed)
        self._down = _Link(self.down, 2 * seed + 1)
        self._client: Address | None = None
        self._server: Address | None = None
        self._to_client: asyncio.DatagramTransport
        self._to_server: asyncio.DatagramTransport

    @classmethod
    @asynccontextmanager
    async def open(cls, impairment: Impairment, seed: int = 0) -> AsyncGenerator[Relay]:
        relay = cls(impairment, seed)
        loop = asyncio.get_running_loop()
        any_port = ("0.0.0.0", 0)
        relay._to_client, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(relay._from_client), any_port
        )
        relay._to_server, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(relay._from_server), any_port
        )
        try:
            yield relay
        finally:
            relay._to_client.close()
            relay._to_server.close()

    def rewrite_offer(self, sdp: str) -> str:
        """The client's offer as the server is to see it: from the relay's address."""
        rewritten, self._client = _rewrite(sdp, _port(self._to_server))
        return rewritten

    def rewrite_answer(self, sdp: str) -> str:
        """The server's answer as the client is to see it."""
        rewritten, self._server = _rewrite(sdp, _port(self._to_client))
        return rewritten

    def _from_client(self, data: bytes, _: Address) -> None:
        if self._server is not None:
            self._pass(self._up, self._to_server, data, self._server)

    def _from_server(self, data: bytes, _: Address) -> None:
        if self._client is not None:
            self._pass(self._down, self._to_client, data, self._client)

    @staticmethod
    def _pass(link: _Link, out: asyncio.DatagramTransport, data: bytes, address: Address) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = link.departure(len(data), now)
        if at is None:
            return
        if at <= now:
            out.sendto(data, address)
        else:
            loop.call_at(at, _send, out, data, address)


class RelayedSignalling(Signalling):
    """Signalling whose peers meet at ``relay``."""

    def __init__(self, url: str, relay: Relay) -> None:
        super().__init__(url)
        self._relay = relay

    async def offer(self, offer: Offer) -> Answer:
        sdp = self._relay.rewrite_offer(offer.sdp)
        answer = await super().offer(offer.model_copy(update={"sdp": sdp}))
        return answer.model_copy(update={"sdp": self._relay.rewrite_answer(answer.sdp)})


def _send(out: asyncio.DatagramTransport, data: bytes, address: Address) -> None:
    if not out.is_closing():
        out.sendto(data, address)


def _port(transport: asyncio.DatagramTransport) -> int:
    port: int = transport.get_extra_info("sockname")[1]
    return port


def _rewrite(sdp: str, port: int) -> tuple[str, Address]:
    """``sdp`` with its first IPv4 host candidate alone, on ``port``; and where that was."""
    lines: list[str] = []
    found: Address | None = None
    for line in sdp.splitlines():
        if not line.startswith("a=candidate:"):
            lines.append(line)
            continue
        match = _CANDIDATE.match(line)
        if match is None or (found is not None and found != (match["host"], int(match["port"]))):
            continue
        found = match["host"], int(match["port"])
        lines.append(
            line.replace(f" {match['host']} {match['port']} ", f" {match['host']} {port} ")
        )
    if found is None:
        raise ValueError("the relay needs a host candidate with an IPv4 address")
    return "\r\n".join(lines) + "\r\n", found
