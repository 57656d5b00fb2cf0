"""Old rows of removed VMs are deleted from the shared database, and no others."""

from pathlib import Path

import pytest

from tests.contract.test_queue import put
from tests.postgres import Postgres
from vmops.core.cluster_key import ClusterKey
from vmops.jobs.cluster import pruning
from vmops.jobs.cluster.postgres import upgrade
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store

LONG_AGO = 40 * 86400.0
WRITE = (
    "INSERT INTO pulumi_state (key, data, updated_at) VALUES (?, '{}', clock_timestamp() - make_interval(secs => ?))"
)


@pytest.fixture
def store(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    url = postgres.database()
    upgrade(url)
    return Store(tmp_path, url)


def ended(store: Store, name: str, verb: Verb, ago: float, state: State = State.SUCCEEDED) -> None:
    """Record an operation that ended so many seconds ago."""
    asked = Operation(f"{name} {verb} {ago:g}", verb, name, "local", "0", "group", name, "ada", created=1.0)
    assert store.insert(asked)
    assert store.transition(asked.id, State.RUNNING)
    assert store.transition(asked.id, state, ended=store.now() - ago)


def copies(store: Store, stack: str, *ages: float) -> None:
    """Create copies of a stack's state, as the engine keeps them, with this age."""
    with store.shared().transaction() as rows:
        rows.execute("INSERT INTO claims VALUES (?, 3, '', 'here', now())", (stack,))
        rows.execute("SELECT set_config('vmops.epoch', '3', true)")
        for age in ages:
            rows.execute(WRITE, (f"lab/.pulumi/backups/vmops/{stack}/{age:g}.json", age))


def test_old_rows_of_removed_vms_are_deleted(store: Store, tmp_path: Path) -> None:
    """All rows of existing and recently removed VMs stay; of other VMs only the proof of ownership stays."""
    ClusterKey.make(tmp_path / "key")
    for name, ages in {"gone": (LONG_AGO + 9, LONG_AGO), "lately": (LONG_AGO, 60.0)}.items():
        ended(store, name, Verb.PROVISION, ages[0])
        ended(store, name, Verb.POWER, ages[0])
        ended(store, name, Verb.DEPROVISION, ages[1])
    ended(store, "lives", Verb.DEPROVISION, LONG_AGO)
    ended(store, "lives", Verb.PROVISION, LONG_AGO)
    ended(store, "stuck", Verb.DEPROVISION, LONG_AGO, State.FAILED)
    copies(store, "lives-0a1b2c3d", LONG_AGO, 60.0)
    put(store, ClusterKey.read(tmp_path / "key"), "waits", "ada")
    with store.shared().transaction() as rows:
        rows.execute("INSERT INTO events (operation, lines, written) VALUES ('a', '', now() - interval '40 days')")
        rows.execute("INSERT INTO events (operation, lines) VALUES ('b', '')")
        rows.execute("INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('q', 'deploy', 'doing')")
        rows.execute("UPDATE procrastinate_events SET at = now() - interval '2 days'")

    assert pruning.prune(store) == {"records": 3, "copies": 1, "logs": 1, "jobs": 1}
    assert {each.stack for each in store.all()} == {"lately", "lives", "stuck", "of waits"}
    assert [row["key"] for row in store.shared().select("SELECT key FROM pulumi_state")] == [
        "lab/.pulumi/backups/vmops/lives-0a1b2c3d/60.json"
    ]
    assert store.shared().select("SELECT queue_name FROM procrastinate_jobs") == [
        {"queue_name": "default:provisions:v1"}
    ]
    assert set(pruning.prune(store).values()) == {0}
