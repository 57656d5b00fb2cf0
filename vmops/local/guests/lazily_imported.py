"""Modules that others import when they first need them, and what speaks SSH: in a guest it is too late for that."""

import importlib

_NAMES = (
    "vmops.local.guests.connection",
    "concurrent.futures.thread",
    "encodings.idna",
    "stringprep",
    "asyncio.subprocess",
)


def load() -> None:
    """Import them all."""
    for name in _NAMES:
        importlib.import_module(name)
