"""Custom data, which cloud-init reads at the first boot: text, or gzip encoded in base64.

Azure always gets base64. Input that is already base64 is recognised by its decoded content.
"""

import base64
import binascii
from pathlib import Path

from vmops.spec import text_file
from vmops.spec.rules import values

_GZIP = b"\x1f\x8b"
# Source: RFC 1952, section 2.3.1 (gzip); cloud-init documentation, user-data formats.
_KNOWN = (b"#!", b"#cloud-config", b"Content-Type:")


def read(path: object) -> str:
    """Read a file, without its byte order mark. Raises: ValueError, saying why it cannot be read."""
    try:
        file = Path(values.text(path)).expanduser()
        content = file.read_bytes()
        return normal(content if content.startswith(_GZIP) else text_file.read(file))
    except UnicodeDecodeError:
        raise ValueError(f"{path!r} is not UTF-8 text") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path!r} cannot be read: {getattr(error, 'strerror', error)}") from None


def normal(content: str | bytes) -> str:
    """Give custom data as text, or as gzip in base64, from any of the accepted forms.

    Raises: UnicodeDecodeError if bytes are neither text nor gzip.
    """
    if isinstance(content, bytes):
        return _base64(content) if content.startswith(_GZIP) else content.decode()
    found = _unwrapped(content)
    if found.startswith(_GZIP):
        return _base64(found)
    return found.decode() if found.startswith(_KNOWN) and _is_text(found) else content


def size(content: str) -> int:
    """Give the number of bytes that the VM receives."""
    return len(base64.b64decode(encoded(content)))


def encoded(content: str) -> str:
    """Give the form that is sent to Azure: base64 of a text; gzip in base64 unchanged."""
    return content if _unwrapped(content).startswith(_GZIP) else _base64(content.encode())


def decoded(sent: str) -> str:
    """Reverse `encoded`."""
    content = base64.b64decode(sent)
    return sent if content.startswith(_GZIP) else content.decode()


def _unwrapped(text: str) -> bytes:
    """Decode base64, with or without line breaks; empty if it is not base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_text(content: bytes) -> bool:
    try:
        return bool(content.decode())
    except UnicodeDecodeError:
        return False


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
