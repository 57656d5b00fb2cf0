"""An HTTP session that limits the size and time of answers, and uses no proxy for loopback."""

import io
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vmops.azure.responses import unreadable
from vmops.core.errors import CloudError

if TYPE_CHECKING:
    from requests import Response, Session

_MAX_BYTES = 16 * 2**20
"""Most bytes of one answer. ARM's own lists come in smaller pages."""

_BLOCK = 2**16


def bounded_session(endpoint: str, timeout: float) -> "Session":
    """Make a session for one endpoint; a whole body takes at most ``timeout`` seconds once it has started.

    For loopback, proxies in the environment are ignored: a proxy would see the token, and may be on another host.
    """
    import requests

    session = requests.Session()
    session.trust_env = not _is_loopback(urlsplit(endpoint).hostname or "")
    session.hooks["response"].append(lambda response, *_, **__: _read(response, timeout))
    return session


def _read(response: "Response", timeout: float) -> None:
    """Read the whole body within the limits, and replace the connection by it.

    Raises: CloudError if the body is too long or too slow, because a retry would not help; requests.ConnectionError if
    the connection is lost.
    """
    end, body = time.monotonic() + timeout, bytearray()
    while block := _block(response):
        body += block
        if len(body) > _MAX_BYTES:
            raise _over_limit(response, f"longer than {_MAX_BYTES} bytes")
        if time.monotonic() > end:
            raise _over_limit(response, f"not complete after {timeout:g} seconds")
    response.raw.release_conn()
    response.raw = _Body(body)


def _block(response: "Response") -> bytes:
    from requests import ConnectionError as Cut
    from urllib3.exceptions import HTTPError

    try:
        block: bytes = response.raw.read1(_BLOCK, decode_content=True)
    except HTTPError as error:
        raise Cut(error) from None
    return block


class _Body(io.BytesIO):
    """A body that was read; unlike `io.BytesIO` it accepts the attributes that callers set on a connection's body."""


def _over_limit(response: "Response", how: str) -> CloudError:
    response.close()
    return unreadable(f"the answer is not Azure Resource Manager's: it is {how}", urlsplit(response.url).path)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
