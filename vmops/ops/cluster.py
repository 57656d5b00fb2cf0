"""Making hosts share their records: the schema in PostgreSQL, and the key that each of them has."""

from pathlib import Path
from typing import Any

from vmops.core.backends import SCHEMA, where
from vmops.core.cluster_key import ClusterKey
from vmops.core.errors import StoreError
from vmops.core.settings import Settings
from vmops.core.state_dir import cluster_key_path
from vmops.ops.hosts import require_shared


def initialise(settings: Settings, source: Path | None = None) -> dict[str, Any]:
    """Make or upgrade the schema, and make the cluster's key if there is none; the same call again changes nothing.

    With ``source``, a state directory, its passphrase and digest key become those of all hosts.

    Returns: ``database`` (host, port and name), ``schema``, ``keyFile``, and whether either was ``created``.

    Raises: StoreError if the database cannot be reached, or not be changed, or has the secrets of another key.
    """
    from vmops.jobs.cluster.postgres import PostgreSQL, upgrade
    from vmops.jobs.cluster.secrets import SharedSecrets

    url, key_file = require_shared(settings), settings.cluster_key()
    made = [upgrade(url), ClusterKey.make(key_file)]
    SharedSecrets(PostgreSQL(url), ClusterKey.read(key_file)).agree(source or settings.state_dir)
    return {"database": where(url), "schema": SCHEMA, "keyFile": str(key_file), "created": any(made)}


def join(settings: Settings, key_file: Path) -> dict[str, Any]:
    """Have the cluster's key on this host, and see that it opens what hosts share.

    Returns: ``database``, ``keyFile``. Raises: StoreError if it is another's, or not there; as `initialise`.
    """
    from vmops.jobs.cluster.postgres import PostgreSQL
    from vmops.jobs.cluster.secrets import SharedSecrets

    key, place = ClusterKey.read(key_file), cluster_key_path(settings.state_dir)
    SharedSecrets(PostgreSQL(require_shared(settings)), key).agree(settings.state_dir)
    key.copy(place)
    return {"database": where(require_shared(settings)), "keyFile": str(place)}


def rotate(settings: Settings) -> dict[str, Any]:
    """Put a new key beside the cluster's, into this host's file; nothing is sealed with it yet.

    Returns: ``keyFile``, and the ids of its ``keys``, the oldest first. Raises: StoreError, as `initialise`.
    """
    return _keys(_opens(settings).with_new())


def reseal(settings: Settings) -> dict[str, Any]:
    """Seal everything with the newest key of this host's file; from then on all hosts do.

    Returns: as `rotate`, with how much was ``resealed``. Raises: StoreError if a host that works lacks that key.
    """
    from vmops.jobs.cluster import hosts, sealing
    from vmops.jobs.cluster.postgres import PostgreSQL

    key, tables = _opens(settings), PostgreSQL(require_shared(settings))
    if lacking := hosts.without_key(tables, key.ids[-1], settings.claim_seconds):
        raise StoreError(
            f"{', '.join(lacking)} could read nothing then: copy {key.path} there, and run `vmops cluster join FILE`"
        )
    return {**_keys(key), "resealed": sealing.reseal(tables, key)}


def drop_old(settings: Settings) -> dict[str, Any]:
    """Take all keys but the newest out of this host's file.

    Returns: as `rotate`. Raises: StoreError if something is sealed with another.
    """
    from vmops.jobs.cluster import sealing
    from vmops.jobs.cluster.postgres import PostgreSQL

    key = _opens(settings)
    if left := sealing.left(PostgreSQL(require_shared(settings)), key):
        raise StoreError(f"{left} secrets are sealed with an older key: run `vmops cluster rotate --reseal` first")
    return _keys(key.without_old())


def _opens(settings: Settings) -> ClusterKey:
    """Give this host's keys, which open what hosts share. Raises: StoreError if they do not."""
    from vmops.jobs.cluster.postgres import PostgreSQL
    from vmops.jobs.cluster.secrets import SharedSecrets

    key = ClusterKey.read(settings.cluster_key())
    SharedSecrets(PostgreSQL(require_shared(settings)), key).agree(settings.state_dir)
    return key


def _keys(key: ClusterKey) -> dict[str, Any]:
    return {"keyFile": str(key.path), "keys": [each.hex() for each in key.ids]}


def upgrade_database(settings: Settings) -> dict[str, Any]:
    """Bring the schema forward: ``database``, and whether it was ``changed``. Raises: as `initialise`."""
    from vmops.jobs.cluster.postgres import upgrade

    return {"database": where(require_shared(settings)), "changed": upgrade(require_shared(settings))}
