"""Making hosts share their records: the schema in PostgreSQL, and the key that each of them has."""

from pathlib import Path
from typing import Any

from vmops.core.backends import SCHEMA
from vmops.core.cluster_key import ClusterKey
from vmops.core.settings import Settings
from vmops.core.state_dir import cluster_key_path
from vmops.ops.hosts import require_shared


def initialise(settings: Settings, source: Path | None = None) -> dict[str, Any]:
    """Make or upgrade the schema, and make the cluster's key if there is none; the same call again changes nothing.

    With ``source``, a state directory, its passphrase and digest key become those of all hosts.

    Returns: ``database`` (host, port and name), ``schema``, ``keyFile``, and whether either was ``created``.

    Raises: StoreError if the database cannot be reached, or not be changed, or has the secrets of another key.
    """
    from vmops.jobs.cluster.postgres import PostgreSQL, upgrade, where
    from vmops.jobs.cluster.secrets import SharedSecrets

    url, key_file = require_shared(settings), settings.cluster_key()
    made = [upgrade(url), ClusterKey.make(key_file)]
    SharedSecrets(PostgreSQL(url), ClusterKey.read(key_file)).agree(source or settings.state_dir)
    return {"database": where(url), "schema": SCHEMA, "keyFile": str(key_file), "created": any(made)}


def join(settings: Settings, key_file: Path) -> dict[str, Any]:
    """Have the cluster's key on this host, and see that it opens what hosts share.

    Returns: ``database``, ``keyFile``. Raises: StoreError if it is another's, or not there; as `initialise`.
    """
    from vmops.jobs.cluster.postgres import PostgreSQL, where
    from vmops.jobs.cluster.secrets import SharedSecrets

    key, place = ClusterKey.read(key_file), cluster_key_path(settings.state_dir)
    SharedSecrets(PostgreSQL(require_shared(settings)), key).agree(settings.state_dir)
    key.copy(place)
    return {"database": where(require_shared(settings)), "keyFile": str(place)}


def upgrade_database(settings: Settings) -> dict[str, Any]:
    """Bring the schema forward: ``database``, and whether it was ``changed``. Raises: as `initialise`."""
    from vmops.jobs.cluster.postgres import upgrade, where

    return {"database": where(require_shared(settings)), "changed": upgrade(require_shared(settings))}
