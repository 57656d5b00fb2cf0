"""A database that takes no writes yet, as a replica that is not promoted, is one that is away."""

import pytest

from tests.postgres import Postgres
from vmops.core.errors import RecordsAway
from vmops.jobs.cluster.postgres import PostgreSQL, upgrade

WRITE = "UPDATE claims SET cancel = true RETURNING name"


def test_a_database_that_takes_no_writes_is_away(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """What writes waits for it, and goes on once it takes writes; no thread of a worker ends by that."""
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    url = postgres.database()
    upgrade(url)
    tables = PostgreSQL(url)
    database = url.partition("?")[0].rpartition("/")[2]
    postgres.ask(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    fresh = PostgreSQL(url)
    with pytest.raises(RecordsAway, match="read-only transaction"):
        fresh.select(WRITE)
    with pytest.raises(RecordsAway, match="read-only transaction"), fresh.transaction() as rows:
        rows.execute(WRITE)
    postgres.ask(f"ALTER DATABASE {database} SET default_transaction_read_only = off")
    assert fresh.select(WRITE) == tables.select(WRITE) == []
