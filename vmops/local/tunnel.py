"""One connection to the local Azure's proxy: a CONNECT, its answer, and then TLS with the local Azure itself.

Nothing is ever forwarded. Requests for Azure's hosts are answered here, and all others are refused, so that no client
of this proxy can reach the real Azure.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from vmops.local.azure_hosts import HOSTS

_END = b"\r\n\r\n"
_MAX_HEAD = 16384
"""Bytes in the head of a request, at most."""

_TAKEN = b"HTTP/1.1 200 Connection Established\r\n\r\n"
"""Source: RFC 9110, section 9.3.6: the answer has no body, and so no length."""

_TARGETS = frozenset(f"{host}:443" for host in HOSTS)


class Tunnel(asyncio.Protocol):
    """Answers the first request of a connection; ``end`` gives the HTTP protocol that is then spoken inside TLS."""

    def __init__(self, end: Callable[[], asyncio.Protocol], context: ssl.SSLContext) -> None:
        self._end, self._context = end, context
        self._heard, self._taken = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to listen."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer once the head is complete; after a refusal, input is ignored."""
        self._heard += data
        if not self._taken and not self._transport.is_closing():
            self._answer()

    def _answer(self) -> None:
        head, end, early = self._heard.partition(_END)
        if not end and len(self._heard) <= _MAX_HEAD:
            return
        method, target = _asked(head)
        if early or not end or not target:
            self._refuse("400 Bad Request", "the request is no CONNECT of HTTP/1.1.")
        elif method != "CONNECT":
            self._refuse("403 Forbidden", "it accepts only CONNECT, for HTTPS; plain HTTP is not forwarded.")
        elif target.lower() not in _TARGETS:
            self._refuse("403 Forbidden", f"it connects only to {_listed()}, at port 443, and not to {target}.")
        else:
            self._heard, self._taken = b"", True
            self._transport.write(_TAKEN)
            self._transport.pause_reading()  # until TLS reads
            self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def _go_on(self) -> None:
        """Continue the same connection as TLS; a client that does not trust the authority ends it.

        Bytes that arrive before TLS is in place are kept in ``_heard``: the client's first request may arrive together
        with its last handshake message.
        """
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            secure = await loop.start_tls(self._transport, self, self._context, server_side=True)
            if secure and not secure.is_closing():
                self._hand_over(secure)

    def _hand_over(self, secure: asyncio.Transport) -> None:
        end = self._end()
        secure.set_protocol(end)
        end.connection_made(secure)
        if self._heard:
            end.data_received(self._heard)

    def _refuse(self, status: str, why: str) -> None:
        body = f"This is the proxy of a local Azure: {why}\n".encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        self._transport.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        self._transport.close()


def _asked(head: bytes) -> tuple[str, str]:
    """Give method and target of a request; both empty if its first line is malformed. Source: RFC 9112, section 3."""
    words = head.partition(b"\r\n")[0].decode(errors="replace").split(" ")
    whole = len(words) == 3 and words[2].startswith("HTTP/1.") and words[1].isprintable()
    return (words[0], words[1]) if whole else ("", "")


def _listed() -> str:
    *most, last = HOSTS
    return f"{', '.join(most)} and {last}"
