"""The local Azure in this process: urllib3's requests call its application without a socket.

Both clients of ARM, that of vmops and that of its provider, use urllib3 unchanged.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import urllib3
from starlette.applications import Starlette
from urllib3.connectionpool import HTTPConnectionPool

from vmops.local.arm.app import create_app
from vmops.local.arm.state.clock import Clock

TOKEN = "the-doubles-token"
PORT = 9
"""A port that is never served: requests to it reach only this module. Source: RFC 863."""

URL = f"http://127.0.0.1:{PORT}"
_real = HTTPConnectionPool.urlopen

Passing = Callable[[str, str], object]


PAGES = {
    "a page": b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to go on</body></html>",
    "cut off": b'{"id": "/subscriptions/0000',
    "nothing": b"",
    "another thing": b'{"hello": "world"}',
}
"""Answers that a proxy, a captive portal or a broken connection may produce."""


@dataclass
class Garbled:
    """Unreadable answers to the next ``times`` requests of ``methods`` that are not refused.

    The engine's provider always gets readable ones, because the real one's reaction is unknown.
    """

    body: bytes
    methods: tuple[str, ...]
    times: int

    def strikes(self, method: str, path: str, status: int, agent: str) -> bool:
        """Count a request, and tell whether its answer is unreadable; calls below /_local are always readable."""
        if self.times < 1 or method not in self.methods or not 200 <= status < 300:
            return False
        if path.startswith("/_local") or agent.startswith("pulumi-azure-native"):
            return False
        self.times -= 1
        return True


class Wire:
    """An application that is called directly; ``before`` and ``after`` get method and path of each request."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self.garbled = Garbled(b"", (), 0)
        self.before: Passing = _silent
        self.after: Passing = _silent

    def open(self, pool: HTTPConnectionPool, method: str, url: str, **how: Any) -> urllib3.HTTPResponse:
        """Answer as a connection would."""
        at = urlsplit(url)
        self.before(method, at.path)
        status, headers, body = self._ask(method, at.path, at.query, how.get("body"), how.get("headers") or {})
        if self.garbled.strikes(method, at.path, status, str((how.get("headers") or {}).get("User-Agent", ""))):
            status, headers, body = 200, [("content-type", "text/html")], self.garbled.body
        self.after(method, at.path)
        if not status:
            raise urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset by peer"))
        return urllib3.HTTPResponse(
            BytesIO(body),
            urllib3.HTTPHeaderDict(headers),
            status,
            preload_content=how.get("preload_content", True),
            decode_content=how.get("decode_content", True),
            request_method=method,
            request_url=url,
        )

    def _ask(
        self, method: str, path: str, query: str, body: Any, headers: Any
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        sent = body.encode() if isinstance(body, str) else bytes(body or b"")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", f"127.0.0.1:{PORT}".encode()), *_wired(headers)],
            "server": ("127.0.0.1", PORT),
            "client": ("127.0.0.1", 1),
        }
        answer: dict[str, Any] = {"status": 0, "headers": [], "body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.update(status=message["status"], headers=message["headers"])
            else:
                answer["body"] += message.get("body", b"")

        _run(self._app(scope, receive, send))
        told = [(name.decode(), value.decode()) for name, value in answer["headers"]]
        return answer["status"], told, answer["body"]


def _wired(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers.items():
        plain = value.decode() if isinstance(value, bytes) else str(value)
        yield name.lower().encode(), plain.encode()


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the local Azure waits for something, which it cannot here")


def _silent(_method: str, _path: str) -> None:
    return


@contextmanager
def wire(database: Path, pace: float, clock: Clock) -> Iterator[Wire]:
    """Give a local Azure without a socket; every request of this process to `URL` reaches it."""
    app = create_app(database, TOKEN, pace=pace, clock=clock)
    made = Wire(app)

    def urlopen(pool: HTTPConnectionPool, method: str, url: str, *args: Any, **how: Any) -> Any:
        if pool.port != PORT:
            return _real(pool, method, url, *args, **how)
        names = ("body", "headers")
        return made.open(pool, method, url, **dict(zip(names, args, strict=False)), **how)

    with (
        patch.object(HTTPConnectionPool, "urlopen", urlopen),
        patch("requests.sessions.get_environ_proxies", return_value={}),  # reading them is slower than the answer
    ):
        yield made
