"""The backends in which the engine may keep its state: those that a user manages, not Pulumi Cloud."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

_FILE = "file"

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    _FILE: (),
    "azblob": ("AZURE_STORAGE_",),
    "s3": ("AWS_",),
    "gs": ("GOOGLE_",),
    "postgres": ("PG",),
}
"""By the scheme of a backend's URL: the prefixes of the environment variables that give access to it.

Source: Pulumi, ``pulumi login --help``; Pulumi documentation, self-managed state backends.
"""

PREFIXES = tuple(f"{scheme}://" for scheme in _VARIABLES)
"""The prefixes of the URLs of supported backends."""


def variables(url: str) -> tuple[str, ...]:
    """Give the prefixes of the environment variables that give access to a backend; none for another URL."""
    return _VARIABLES.get(url.partition(":")[0], ())


def of_directory(directory: Path) -> str:
    """Give the URL of a backend of files.

    Source: the engine parses it as a URL, so ``%``, ``#`` and ``?`` of a path are written as one writes them there.
    """
    return f"{_FILE}://{quote(os.fsencode(directory))}"


def directory_of(url: str) -> Path | None:
    """Give the directory of a backend of files; None for any other."""
    scheme, found, path = url.partition("://")
    return Path(os.fsdecode(unquote_to_bytes(path.partition("?")[0]))) if found and scheme == _FILE else None
