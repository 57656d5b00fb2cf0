"""Modules that others import when they first need them: in a guest it is too late for that."""

import importlib

_NAMES = ("concurrent.futures.thread", "encodings.idna", "stringprep", "asyncio.subprocess")


def load() -> None:
    """Import them all."""
    for name in _NAMES:
        importlib.import_module(name)
