"""The HTTP side of a session, as the client sees it."""

from __future__ import annotations

import httpx
import pytest

from client.http import ConnectError, Signalling
from streaming.protocol import Offer


@pytest.mark.parametrize("answer", [b"<html>Hello</html>", b"[]", b'{"iceServers": 7}'])
async def test_another_web_server_is_told_from_ours(answer: bytes) -> None:
    async with Signalling("http://there:8080") as signalling:
        await signalling._http.aclose()
        signalling._http = httpx.AsyncClient(
            base_url="http://there:8080",
            transport=httpx.MockTransport(lambda _: httpx.Response(200, content=answer)),
        )
        with pytest.raises(ConnectError, match=r"http://there:8080 is no avatar server"):
            await signalling.ice_servers()
        with pytest.raises(ConnectError, match="no avatar server"):
            await signalling.offer(Offer(sdp="v=0", type="offer"))
