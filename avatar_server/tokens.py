"""Session tokens: what a browser gets in place of the server's key.

A token is ``v1.PAYLOAD.SIGNATURE``: the payload is base64url JSON with the expiry time and the
avatar, the signature an HMAC-SHA-256 of everything before it. The server keeps no list of tokens;
changing its key invalidates them all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_SECONDS: Final = 24 * 3600

_VERSION: Final = "v1"
_MAX_LENGTH: Final = 1024


class Grant(BaseModel):
    """What the bearer of a token may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expires: int
    """Unix time."""
    avatar: Annotated[str, Field(max_length=64)] | None = None
    """The only avatar that it may meet; None for any."""
    client: Annotated[str, Field(max_length=64)] | None = None
    """Name of the client for per-client limits; its address is used if None."""


class InvalidTokenError(ValueError):
    """The token is forged, broken or has expired; the message says which."""


class TokenMint:
    """Makes and reads the tokens of one long-lived ``key``."""

    def __init__(self, key: str, now: Callable[[], float] = time.time) -> None:
        # A derived key, so that signatures reveal nothing about the server's own.
        self._key = hmac.digest(key.encode(), b"avatar-server session tokens", hashlib.sha256)
        self._now = now

    def mint(self, seconds: int, avatar: str | None = None, client: str | None = None) -> str:
        """A token that is valid for ``seconds`` from now."""
        grant = Grant(expires=int(self._now()) + seconds, avatar=avatar, client=client)
        signed = f"{_VERSION}.{_encode(grant.model_dump_json(exclude_none=True).encode())}"
        return f"{signed}.{_encode(self._sign(signed))}"

    def read(self, token: str) -> Grant:
        """What ``token`` grants; raises :class:`InvalidTokenError`."""
        signed, _, signature = token.rpartition(".")
        version, _, payload = signed.partition(".")
        if len(token) > _MAX_LENGTH or version != _VERSION or not token.isascii():
            raise InvalidTokenError("this is not a session token")
        try:
            given = _decode(signature)
            content = _decode(payload)
        except (binascii.Error, ValueError) as error:
            raise InvalidTokenError("this is not a session token") from error
        if not hmac.compare_digest(given, self._sign(signed)):
            raise InvalidTokenError("the session token is not from this server")
        try:
            grant = Grant.model_validate_json(content)
        except ValidationError as error:
            raise InvalidTokenError("the session token is of another version") from error
        if grant.expires <= self._now():
            raise InvalidTokenError("the session token has expired; get a new one")
        return grant

    def _sign(self, signed: str) -> bytes:
        return hmac.digest(self._key, signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
