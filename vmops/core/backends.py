"""The Pulumi backends that vmops supports: the self-managed ones, not Pulumi Cloud."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

_FILE = "file"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

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


SCHEMA = "vmops"
"""The schema of PostgreSQL with everything that hosts share. No role should have this name, because objects in the
schema of that name would take precedence.
"""


def variables(url: str) -> tuple[str, ...]:
    """Give the prefixes of the environment variables that give access to a backend; none for another URL."""
    return _VARIABLES.get(url.partition(":")[0], ())


def of_directory(directory: Path) -> str:
    """Give the URL of a backend of files.

    Source: the engine parses it as a URL, so ``%``, ``#`` and ``?`` in the path are percent-encoded.
    """
    return f"{_FILE}://{quote(os.fsencode(directory))}"


def of_database(url: str) -> str:
    """Give the URL of a backend in a PostgreSQL database, in the form that the engine reads.

    By default the engine's driver requires TLS, which a server on this host usually does not offer. Source: lib/pq,
    connection string parameters.
    """
    _, _, rest = url.partition("://")
    here = urlsplit(url).hostname in _LOOPBACK and "sslmode=" not in rest
    return f"postgres://{rest}" + (("&" if "?" in rest else "?") + "sslmode=disable" if here else "")


def directory_of(url: str) -> Path | None:
    """Give the directory of a backend of files; None for any other."""
    scheme, found, path = url.partition("://")
    return Path(os.fsdecode(unquote_to_bytes(path.partition("?")[0]))) if found and scheme == _FILE else None


def without_sidecars(url: str) -> str:
    """Give the URL for an engine that writes no second file of metadata beside each file of a backend of files.

    It reads such a file if there is one, and needs nothing from it. Source: gocloud.dev/blob/fileblob, ``metadata``.
    """
    return f"{url}?metadata=skip" if url.startswith(f"{_FILE}://") and "?" not in url else url


def where(url: str) -> str:
    """Describe the database of a URL: host, port and name."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"
