"""``/start``: how Pipecat's clients and their prebuilt pages ask for a bot before they connect."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.http import ApiError, read_json
from avatar_server.ice import for_browsers, ice_servers
from avatar_server.settings import Settings
from avatar_server.signalling import MAX_BODY, Signalling
from streaming.protocol import BotRequest, BotWishes, Offer

_MAX_WAITING: Final = 1_000
"""Bots that were asked for and not met; the oldest are forgotten."""


class BotStart:
    """A bot is a session that begins with its first offer, by the wishes of its start."""

    def __init__(self, settings: Settings, signalling: Signalling) -> None:
        self._settings = settings
        self._signalling = signalling
        self._wishes: OrderedDict[str, BotWishes] = OrderedDict()

    def routes(self) -> list[Route]:
        offer = "/sessions/{bot}/api/offer"
        return [
            Route("/start", self.start, methods=["POST"]),
            Route(offer, self.offer, methods=["POST"]),
            Route(offer, self._signalling.candidates, methods=["PATCH"]),
        ]

    async def start(self, request: Request) -> Response:
        wanted = await read_json(request, BotRequest, MAX_BODY)
        bot = self._signalling.new_name()
        self._wishes[bot] = wanted.body
        if len(self._wishes) > _MAX_WAITING:
            self._wishes.popitem(last=False)
        ice = {"iceServers": for_browsers(ice_servers(self._settings))}
        return JSONResponse({"sessionId": bot, "iceConfig": ice})

    async def offer(self, request: Request) -> Response:
        wishes = self._wishes.get(request.path_params["bot"])
        if wishes is None:
            raise ApiError(404, "unknown_bot", "there is no such session; POST /start first")
        offer = await read_json(request, Offer, MAX_BODY)
        return await self._signalling.answer(offer.wishing(wishes))
