"""The layers before the front door: the check of the token, and the journal of requests."""

import hmac
import re
from collections import deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vmops.local.arm.front_door import refused, response
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import Clock
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Reply

LOCAL = "/_local"
_SLASHES = re.compile("//+")
_KEPT = 25_000
"""Requests that the journal keeps at most, in about 10 MB."""
# Source: ARM's answer to a request without a token.
_CHALLENGE = 'Bearer authorization_uri="https://login.windows.net/common", error="invalid_token"'


class BearerToken:
    """Refuses every request without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] == "http" and not self._known(scope):
            refusal = refused(ArmError("AuthenticationFailed"))
            reply = Reply(refusal.status, refusal.body, {"WWW-Authenticate": _CHALLENGE})
            await response(reply)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._expected)


class Slashes:
    """Merges repeated slashes into one, as ARM does. Source: azure-cli, which sends them for ``az resource``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its path normalised."""
        if "//" in scope.get("path", ""):
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"])}
        await self._app(scope, receive, send)


_ID = b"x-ms-client-request-id"
"""The client's own name for a request. Source: ARM, common API details."""


class Journal:
    """Records every ARM request and the status of its answer, 500 if there is none; the oldest are dropped."""

    def __init__(self, app: ASGIApp, entries: deque[Json], clock: Clock) -> None:
        self._app, self._entries, self._clock = app, entries, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note the status of its answer."""
        if scope["type"] != "http" or scope["path"].startswith(LOCAL):
            await self._app(scope, receive, send)
            return
        entry = {"time": self._clock.now(), "method": scope["method"], "path": scope["path"], "status": 500}
        if request_id := next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID), ""):
            entry["requestId"] = request_id
        self._entries.append(entry)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        await self._app(scope, receive, noting)


def new_journal() -> deque[Json]:
    """Return an empty journal."""
    return deque(maxlen=_KEPT)
