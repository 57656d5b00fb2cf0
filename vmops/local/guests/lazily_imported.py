"""Modules that others import on first use, and asyncssh's: inside a guest it would be too late."""

import importlib

_NAMES = (
    "vmops.local.guests.connection",
    "concurrent.futures.thread",
    "encodings.idna",
    "stringprep",
    "asyncio.subprocess",
)


def load() -> None:
    """Import all of them."""
    for name in _NAMES:
        importlib.import_module(name)
