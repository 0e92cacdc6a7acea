"""The route ``/v1/realtime``."""

from __future__ import annotations

import logging
from typing import Final

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from avatar_server.conversation.engines import EngineError
from avatar_server.conversation.persona import Persona
from avatar_server.conversation.personas import UnknownPersonaError
from avatar_server.conversation.tts import TextToSpeech
from avatar_server.event_socket import GOING_AWAY, POLICY, TRY_AGAIN, EventSocket, close
from avatar_server.http import ApiError
from avatar_server.rate_limit import RateLimit
from avatar_server.realtime.session import RealtimeSession
from avatar_server.realtime.settings import RealtimeSettings
from avatar_server.reception import Reception, wanted_size
from avatar_server.session import Session
from avatar_server.talk import Talking

log = logging.getLogger(__name__)

SUBPROTOCOL: Final = "realtime"

MESSAGES_PER_MINUTE: Final = 12_000
"""Messages that one client may send, a sixth of them at once; beyond that they are read later."""


class RealtimeSocket:
    """The route, and what its sockets share."""

    def __init__(self, reception: Reception, talking: Talking, speech_engine: TextToSpeech) -> None:
        self._reception = reception
        self._talking = talking
        self._voices = speech_engine.voices()

    def routes(self) -> list[WebSocketRoute]:
        """Routes below ``/v1``."""
        return [WebSocketRoute("/realtime", self.connect)]

    async def connect(self, socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        try:
            persona = self._persona(socket)
            # A client that connects while the engines load is served once they have.
            await self._talking.settled()
            self._talking.engines  # noqa: B018 - raises where there are none
            session = await self._session(socket, persona)
        except (UnknownPersonaError, EngineError) as error:
            await close(socket, POLICY, str(error))
        except ApiError as error:
            await close(socket, TRY_AGAIN if error.status == 503 else POLICY, str(error))
        else:
            await self._serve(socket, session, persona or session.persona())

    async def _serve(self, socket: WebSocket, session: Session, persona: Persona) -> None:
        events = EventSocket(socket)
        client = RealtimeSession(
            session,
            self._talking,
            self._voices,
            RealtimeSettings(persona),
            events.send,
            lambda reason: events.end(GOING_AWAY, reason),
        )
        limit = RateLimit(MESSAGES_PER_MINUTE)

        async def receive(message: str | bytes) -> None:
            await limit.turn("")
            await client.receive(message)

        client.begin()
        try:
            await events.run(receive)
        finally:
            await client.close("the client left")

    def _persona(self, socket: WebSocket) -> Persona | None:
        """The requested persona: by its own name, or given as the name of a model; None for
        whoever the avatar is."""
        personas = self._talking.personas
        named = socket.query_params.get("persona")
        model = socket.query_params.get("model")
        if named is None and model in personas.named:
            named = model
        return None if named is None else personas.get(named)

    async def _session(self, socket: WebSocket, persona: Persona | None) -> Session:
        query = socket.query_params
        wanted = query.get("session")
        if wanted is not None:
            return self._reception.find(wanted)
        named = None if persona is None else persona.name
        return await self._reception.open(
            query.get("avatar"), named, size=wanted_size(query), waits=False
        )
