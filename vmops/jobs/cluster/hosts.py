"""The register of working hosts: each reports regularly, so that everybody sees which of them live."""

import hashlib
from pathlib import Path
from typing import Any

from vmops import __version__
from vmops.core import host
from vmops.core.cluster_key import ClusterKey
from vmops.core.errors import StoreError
from vmops.core.settings import Settings
from vmops.jobs.tables import Tables

_SAY = """INSERT INTO hosts (id, host, version, slots, removals, queue, principal, draining, keys, seen)
  VALUES (:id, :host, :version, :slots, :removals, :queue, :principal, :draining, :keys, clock_timestamp())
  ON CONFLICT (id) DO UPDATE SET host = excluded.host, version = excluded.version, slots = excluded.slots,
    removals = excluded.removals, queue = excluded.queue, principal = excluded.principal,
    draining = excluded.draining, keys = excluded.keys, seen = excluded.seen"""
_CHORE = """INSERT INTO claims (name, epoch, operation, host, expires)
  VALUES (:name, 1, '', :host, clock_timestamp() + make_interval(secs => :seconds))
  ON CONFLICT (name) DO UPDATE SET epoch = claims.epoch + 1, host = excluded.host, expires = excluded.expires
  WHERE claims.expires <= clock_timestamp() RETURNING 1"""
_LIST = """SELECT hosts.*, extract(epoch FROM seen)::double precision AS seen,
    seen > clock_timestamp() - make_interval(secs => ?) AS alive,
    (SELECT count(*) FROM claims JOIN operations ON operations.id = claims.operation
      WHERE claims.host = hosts.id AND claims.expires > clock_timestamp() AND operations.state = 'running'
        AND (operations.verb = 'provision' OR claims.name LIKE '%.teardown')) AS busy
  FROM hosts ORDER BY host, id"""

_UNTOLD = ("keys",)

_ROOM = """SELECT current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int AS room,
  (SELECT coalesce(sum(slots + 1), 0) FROM hosts
    WHERE id <> :id AND seen > clock_timestamp() - make_interval(secs => :seconds)) AS others"""

_EACH = 6
"""Connections that a deployment needs, and a host beside them. Source: measured; the engine opens four at most."""


def key_of_host(state_dir: Path) -> str:
    """Identify a working host, by its system and its state directory."""
    return hashlib.sha256(f"{host.identity()}\n{state_dir}".encode()).hexdigest()[:16]


def say(tables: Tables, settings: Settings, slots: int, removals: int, *, principal: str, draining: bool) -> None:
    """Report that this host lives, its capacity, in whose name it works, and which keys it has."""
    told = {
        "id": key_of_host(settings.state_dir),
        "host": host.name(),
        "version": __version__,
        "slots": slots,
        "removals": removals,
        "queue": settings.queue,
        "principal": principal,
        "keys": ",".join(each.hex() for each in ClusterKey.read(settings.cluster_key()).ids),
        "draining": draining,
    }
    with tables.transaction() as rows:
        rows.execute(_SAY, told)


def refuse_too_many(tables: Tables, settings: Settings, slots: int) -> None:
    """Check that the database has the connections for what this host is to do beside the others.

    Raises: StoreError, with what would fit.
    """
    told = {"id": key_of_host(settings.state_dir), "seconds": settings.claim_seconds}
    (found,) = tables.select(_ROOM, told)
    left = found["room"] // _EACH - found["others"] - 1
    if slots > left:
        raise StoreError(
            f"PostgreSQL takes {found['room']} connections, and {slots} slots here need {_EACH * (slots + 1)}, "
            f"beside {_EACH * found['others']} of other hosts: raise max_connections, "
            + (f"or work with --slots {left}" if left > 0 else "or end another host")
        )


def is_ours(tables: Tables, settings: Settings, chore: str, seconds: float) -> bool:
    """Reserve a chore for this host for ``seconds``; tell whether that succeeded. Only one host has it at a time."""
    with tables.transaction() as rows:
        values = {"name": f".{chore}", "host": key_of_host(settings.state_dir), "seconds": seconds}
        return rows.execute(_CHORE, values).fetchone() is not None


def leave(tables: Tables, settings: Settings) -> None:
    """Remove this host from the register."""
    with tables.transaction() as rows:
        rows.execute("DELETE FROM hosts WHERE id = ?", (key_of_host(settings.state_dir),))


def without_key(tables: Tables, key_id: bytes, seconds: float) -> list[str]:
    """List the live hosts that do not have a key."""
    found = tables.select(_LIST, (seconds,))
    return [row["host"] for row in found if row["alive"] and key_id.hex() not in row["keys"].split(",")]


def principal_of(tables: Tables, name: str) -> str:
    """Give the principal in whose name a host works; '' if it is unknown."""
    found = tables.select("SELECT principal FROM hosts WHERE host = ? ORDER BY seen DESC LIMIT 1", (name,))
    return str(found[0]["principal"]) if found else ""


def listed(tables: Tables, seconds: float) -> list[dict[str, Any]]:
    """List the hosts as plain JSON; a host is alive if it has reported within ``seconds``."""
    found = tables.select(_LIST, (seconds,))
    return [{name: value for name, value in row.items() if name not in _UNTOLD} for row in found]
