"""Sealed values in the database, and their keys: all hosts seal with the key that seals the passphrase."""

from collections.abc import Mapping
from typing import Any

from vmops.core.cluster_key import ID_BYTES, ClusterKey
from vmops.jobs.tables import Rows, Tables

SECRETS, ORDERS = "secrets", "orders"
"""The labels of what is sealed; each is the name of its table, too."""

_NAMES = {SECRETS: "name", ORDERS: "operation"}

SEALED_BY = f"SELECT (SELECT substring(sealed FROM 1 FOR {ID_BYTES}) FROM secrets WHERE name = 'passphrase') AS key_id"  # noqa: S608
"""Selects the id of the key with which hosts seal now; null while there is nothing."""


def sealed_by(row: Mapping[str, Any]) -> bytes:
    """Give the id of the key in a row of `SEALED_BY`; empty while there is nothing."""
    return bytes(row["key_id"] or b"")


def reseal(tables: Tables, key: ClusterKey) -> int:
    """Seal all values with the newest of a host's keys, in one transaction; give their number.

    Raises: StoreError if something was sealed with a key that this host does not have.
    """
    with tables.transaction() as rows:
        rows.execute("LOCK TABLE secrets, orders IN SHARE ROW EXCLUSIVE MODE")
        return sum(_reseal(rows, key, table) for table in _NAMES)


def left(tables: Tables, key: ClusterKey) -> int:
    """Count the values that are not sealed with the newest of a host's keys."""
    return sum(len(tables.select(_other(table), (key.ids[-1],))) for table in _NAMES)


def _other(table: str) -> str:
    return f"SELECT {_NAMES[table]} AS name, sealed FROM {table} WHERE substring(sealed FROM 1 FOR {ID_BYTES}) <> ?"  # noqa: S608


def _reseal(rows: Rows, key: ClusterKey, table: str) -> int:
    found = rows.execute(_other(table), (key.ids[-1],)).fetchall()
    for each in found:
        plain = key.open(table, each["name"], bytes(each["sealed"]))
        sealed = key.seal(table, each["name"], plain, key.ids[-1])
        rows.execute(f"UPDATE {table} SET sealed = ? WHERE {_NAMES[table]} = ?", (sealed, each["name"]))  # noqa: S608
    return len(found)
