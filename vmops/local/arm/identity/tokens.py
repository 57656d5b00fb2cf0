"""Access tokens: JSON web tokens, signed and checked with a key from the secret, so that none is stored."""

import base64
import hmac
import json
import uuid
from typing import Any

from vmops.local.arm.state.clock import Clock

LIFETIME = 3599
"""Seconds from issue to expiry. Source: Microsoft identity platform, client credentials flow, ``expires_in``."""

_HEADER = {"typ": "JWT", "alg": "HS256"}
# Our own namespace: a principal's id is derived from the client's id.
_PRINCIPALS = uuid.UUID("b6a0f7cb-63c0-5d0b-8d8b-0c2f9e6f8f5e")


class Expired(Exception):
    """An expired token of ours; ``at`` is its expiry, in seconds since the epoch."""

    def __init__(self, at: float) -> None:
        self.at = at
        super().__init__("the access token has expired")


class AccessTokens:
    """Issues access tokens and checks them.

    The key is derived from the secret: tokens stay valid across processes as long as the secret does.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = hmac.digest(secret.encode(), b"access tokens", "sha256")
        self._clock = clock

    def issue(self, issuer: str, tenant: str, client: str, audience: str) -> str:
        """Give a token for one client.

        Source: Microsoft identity platform, access token claims reference.
        """
        now = int(self._clock.now())
        principal = str(uuid.uuid5(_PRINCIPALS, client))
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": client,
            "azp": client,
            "idtyp": "app",
            "oid": principal,
            "sub": principal,
            "tid": tenant,
            "ver": "2.0",
        }
        signed = f"{_encode(_json(_HEADER))}.{_encode(_json(claims))}"
        return f"{signed}.{self._signature(signed)}"

    def valid(self, token: str) -> bool:
        """Tell whether a token is one of ours, and valid.

        Raises: Expired, if it was.
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return False
        expiry = json.loads(_decode(signed.rpartition(".")[2]))["exp"]
        if expiry <= self._clock.now():
            raise Expired(expiry)
        return True

    def _signature(self, signed: str) -> str:
        return _encode(hmac.digest(self._key, signed.encode(), "sha256"))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(content: bytes) -> str:
    """Encode bytes as base64url, without padding. Source: RFC 7515, section 2."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(content: str) -> bytes:
    return base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))
