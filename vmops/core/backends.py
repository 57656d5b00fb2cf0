"""Where the engine may keep its state: the kinds of backend that one manages oneself."""

from collections.abc import Mapping
from pathlib import Path

_FILE = "file"

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    _FILE: (),
    "azblob": ("AZURE_STORAGE_",),
    "s3": ("AWS_",),
    "gs": ("GOOGLE_",),
    "postgres": ("PG",),
}
"""By the scheme of its URL: how the variables begin by which a backend is reached.

Source: Pulumi, ``pulumi login --help``; Pulumi documentation, self-managed state backends.
"""

PREFIXES = tuple(f"{scheme}://" for scheme in _VARIABLES)
"""How the URL of a backend begins."""


def variables(url: str) -> tuple[str, ...]:
    """Give how the variables begin by which a backend is reached; none for a URL that is no backend's."""
    return _VARIABLES.get(url.partition(":")[0], ())


def of_directory(directory: Path) -> str:
    """Give the URL of a backend of files."""
    return f"{_FILE}://{directory}"


def directory_of(url: str) -> Path | None:
    """Give the directory of a backend of files; None for any other."""
    scheme, found, path = url.partition("://")
    return Path(path) if found and scheme == _FILE else None
